import { existsSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { join, relative, sep } from 'node:path';
import type { Express, RequestHandler } from 'express';
import expressStaticGzip from 'express-static-gzip';

/** Addresses of the page's rooms: the page itself finds out which of them it is. */
const rooms = ['/server', '/g/:id', '/compare', '/edit', '/edit/:id', '/gallery', '/plugins'];

/** What a person may have mistyped: neither a file nor an address of programs. The page says that nothing is there. */
const mistyped = /^\/(?!v1\/|graphql)[^.]*$/;

const policy = "default-src 'self'; img-src 'self' data: blob:; connect-src 'self' ws: wss:; frame-ancestors 'none'";
/** GraphiQL, a document of its own in a folder of the page, brings styles and fonts along. */
const graphiqlPolicy = `${policy}; style-src 'self' 'unsafe-inline'; font-src 'self' data:`;

/** The built page, if there is one: compressed as its build left it, and for ever where a name has the hash of its content. */
export function servePlayground(app: Express, playground: string): void {
  if (!existsSync(join(playground, 'index.html'))) {
    app.get('/', (_request, response) => {
      response
        .type('text/plain')
        .send('The playground is not built: run npm run build --workspace apps/playground.\nGraphQL is at /graphql.\n');
    });
    return;
  }
  const setHeaders = (response: ServerResponse, path: string) => {
    const folders = relative(playground, path).split(sep);
    const hashed = folders.at(-2) === 'assets';
    response.setHeader('Cache-Control', hashed ? 'public, max-age=31536000, immutable' : 'no-cache');
    response.setHeader('Content-Security-Policy', folders[0] === 'graphiql' ? graphiqlPolicy : policy);
  };
  const serve = expressStaticGzip(playground, {
    enableBrotli: true,
    orderPreference: ['br', 'gz'],
    serveStatic: { cacheControl: false, setHeaders },
  });
  app.use(serve);
  const servePage: RequestHandler = (request, response, next) => {
    request.url = '/index.html';
    serve(request, response, next);
  };
  app.get(rooms, servePage);
  app.get(mistyped, (request, response, next) => {
    if (request.accepts(['json', 'html']) !== 'html') return next();
    response.status(404);
    servePage(request, response, next);
  });
}

/** A person who opens the address of GraphQL in a browser comes to GraphiQL, where there is one. Programs ask for no HTML. */
export function leadToGraphiql(playground: string): RequestHandler {
  const isThere = existsSync(join(playground, 'graphiql/index.html'));
  return ({ method, path, headers: { accept = '' }, query }, response, next) => {
    const isAddress = method === 'GET' && path === '/' && Object.keys(query).length === 0;
    if (isThere && isAddress && /^text\/html\b/.test(accept)) return response.redirect(303, '/graphiql/');
    next();
  };
}
