import { components, responses } from './openapi-parts.ts';
import type { Operation, Route } from './route.ts';

export type DocumentedRoute = Pick<Route, 'method' | 'path' | 'operation'>;

/** The document of all routes, OpenAPI 3.1. */
export function openApiDocument(routes: readonly DocumentedRoute[]): object {
  const paths: Record<string, Record<string, Operation>> = {};
  for (const { method, path, operation } of routes) (paths[path] ??= {})[method] = operation;
  return {
    openapi: '3.1.0',
    info: {
      title: 'Tessera',
      version: '0.1.0',
      summary: 'Autoregressive image generation that streams its steps.',
      description:
        'Everything but GraphQL, which is at /graphql. All routes work on the same generations. Other methods of a path are refused with 405, as the response MethodNotAllowed says.',
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [{ url: '/' }],
    security: [{}, { key: [] }],
    tags: [
      { name: 'generations', description: 'Generations by plain HTTP.' },
      { name: 'pictures', description: 'Uploads, and everything that is stored.' },
      { name: 'openai', description: "For OpenAI's clients: only what is documented here." },
      { name: 'service', description: 'How the service is.' },
    ],
    paths,
    components: {
      schemas: components,
      responses,
      securitySchemes: {
        key: { type: 'http', scheme: 'bearer', description: 'A key of tessera keys create, where keys are needed.' },
      },
    },
  };
}
