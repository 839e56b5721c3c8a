import { STATUS_CODES } from 'node:http';
import type { ApolloServer } from '@apollo/server';
import { expressMiddleware } from '@as-integrations/express5';
import express, { type ErrorRequestHandler, type Express, type Request, type Response } from 'express';
import type { Blobs } from '@tessera/blobs';
import { TesseraError } from '@tessera/errors';
import { logError } from '@tessera/telemetry';
import { engineOf } from '../doors/engine.ts';
import { restRoutes } from '../doors/rest-routes.ts';
import { MOST_JSON, mountRoutes } from '../doors/route.ts';
import type { Guard } from '../guard/guard.ts';
import { namedDocuments } from '../guard/named-documents.ts';
import { callerOf, requireCaller } from '../guard/require-caller.ts';
import { contextOf, type ApiContext, type ApiParts } from '../schema/builder.ts';
import type { OperatorsRoutes } from '../telemetry/operators-port.ts';
import { observeRequests } from '../telemetry/observe-requests.ts';
import type { Uploads } from '../images/uploads.ts';
import type { Webhooks } from '../webhooks/webhooks.ts';
import type { EventStreams } from '../subscriptions/event-stream.ts';
import { allowOrigins, type Gate } from '../guard/gate.ts';
import { closePipelined } from './close-pipelined.ts';
import { takeGraphQL } from './graphql-http.ts';
import { leadToGraphiql, servePlayground } from './serve-playground.ts';
import { refusalBody, refuseUnknown } from './unknown-route.ts';
import { asErrors } from '../guard/refusal.ts';

export interface AppParts {
  readonly gate: Gate;
  readonly guard: Guard;
  /** Whose pages may read answers. */
  readonly origins: readonly string[];
  readonly apollo: ApolloServer<ApiContext>;
  readonly parts: ApiParts;
  readonly operators: OperatorsRoutes;
  readonly eventStreams: EventStreams;
  readonly blobs: Blobs;
  readonly uploads: Uploads;
  readonly webhooks: Webhooks;
  /** Folder of the built playground. */
  readonly playground: string;
}

/** Every HTTP route. */
export function createApp(appParts: AppParts): Express {
  const { gate, guard, origins, apollo, parts, operators, eventStreams, blobs, uploads, webhooks, playground } =
    appParts;
  const app = express();
  app.disable('x-powered-by');
  app.use(closePipelined, observeRequests);
  // Load balancers ask by address, under no name of this server; the answer tells a foreign page nothing.
  app.get('/readyz', operators.ready);
  app.use((request, response, next) => {
    response.set('X-Content-Type-Options', 'nosniff');
    const refusal = gate.refusalOf(request.headers, request.rawHeaders);
    if (!refusal) return next();
    response.status(refusal.status).json(asErrors(refusal.error));
  });
  app.use(allowOrigins(origins));
  app.get('/healthz', operators.health);
  // Where keys are needed it is on its own port alone: its numbers are of all tenants.
  if (guard.auth === 'off') app.get('/metrics', operators.metrics);
  app.use('/graphql', leadToGraphiql(playground));
  app.use(['/v1', '/graphql'], requireCaller(guard, refusalBody));
  const engine = engineOf({ parts, uploads, blobs, eventStreams, webhooks });
  const routes = restRoutes({ engine, blobs, origins, urls: parts.urls });
  mountRoutes(app, routes);
  app.use('/graphql', takeGraphQL, express.json({ limit: MOST_JSON }), (request, _response, next) => {
    // Apollo answers an empty body with a sentence of its own; a missing one it takes for a fault of the server.
    request.body ??= {};
    next();
  });
  app.use('/graphql', namedDocuments(guard.documents));
  app.use('/graphql', eventStreams.route);
  const context = ({ res }: { res: Response }) => Promise.resolve(contextOf(parts, callerOf(res)));
  app.use('/graphql', expressMiddleware(apollo, { context }));
  servePlayground(app, playground);
  app.use(refuseUnknown([...routes, ...probes.map((path) => ({ method: 'get' as const, path }))]));
  app.use(refuse);
  return app;
}

const probes = ['/healthz', '/readyz', '/metrics'];

/** Bodies that are not JSON, too large, cut off; ranges of no file: Express says the status, we say the sentence. */
const refuse: ErrorRequestHandler = (error: { status?: number; type?: string }, request, response, next) => {
  // Express knows handlers of errors by their four parameters.
  void next;
  const status = error.status ?? 500;
  if (status >= 500) logError('unexpected error', error);
  // Express would print a stack for every client that goes in the middle of an answer.
  if (response.headersSent) return void response.destroy();
  response
    .status(status)
    .json(
      refusalBody({ status, error: errorOf(status, error.type ?? STATUS_CODES[status], request) }, request.originalUrl),
    );
};

function errorOf(status: number, why: string | undefined, { method, originalUrl }: Request): TesseraError {
  const who = 'api';
  if (status >= 500) {
    const next = "The server's output says more; please report it.";
    return new TesseraError({ code: 'INTERNAL_SERVER_ERROR', who, got: 'an unexpected error', expected: 'none', next });
  }
  if (status === 413) {
    const next = 'Send a smaller document.';
    return new TesseraError({ code: 'body-too-large', who, got: 'a long body', expected: 'at most 256 kB', next });
  }
  if (method === 'GET' || method === 'HEAD') {
    const got = `a request that it cannot answer (${why})`;
    const next = 'Correct its path and its headers.';
    return new TesseraError({ code: 'malformed-request', who, got, expected: 'a valid path and valid headers', next });
  }
  const broken = why === 'entity.parse.failed' ? 'text that is no JSON object' : `a body it cannot read (${why})`;
  const isGraphQL = /^\/graphql([/?]|$)/.test(originalUrl);
  const next = isGraphQL
    ? 'Send {"query": "..."} with content-type application/json.'
    : 'Send a JSON object as the whole body.';
  return new TesseraError({ code: 'malformed-body', who, got: broken, expected: 'a JSON object', next });
}
