import type { IncomingMessage, Server } from 'node:http';
import { GraphQLError, type FormattedExecutionResult, type GraphQLFormattedError, type GraphQLSchema } from 'graphql';
import { useServer } from 'graphql-ws/use/ws';
import { WebSocketServer } from 'ws';
import type { ApiContext } from '../schema/builder.ts';
import { toClient } from './clear-errors.ts';
import { readDocument } from './operation-limits.ts';
import { isOwnPage } from './own-page.ts';

/** No message to this server is long. */
const MOST_BYTES = 64 * 1024;

/** GraphQL over WebSocket (protocol graphql-transport-ws) at /graphql. */
export function serveWebSocket(server: Server, schema: GraphQLSchema, context: ApiContext): { close(): Promise<void> } {
  const sockets = new WebSocketServer({
    server,
    path: '/graphql',
    maxPayload: MOST_BYTES,
    // Browsers let every page open a socket to every server: only pages of this server may.
    verifyClient: ({ req }: { req: IncomingMessage }) => isOwnPage(req),
  });
  const { dispose } = useServer(
    {
      schema,
      context: () => context,
      onSubscribe: (_context, _id, { query, operationName, variables }) => {
        try {
          const { document, errors } = readDocument(query, schema);
          return errors.length > 0 ? errors : { schema, document, operationName, variableValues: variables };
        } catch (error) {
          if (error instanceof GraphQLError) return [error];
          throw error;
        }
      },
      onError: (_context, _id, _payload, errors) => errors.map(format),
      onNext: (_context, _id, _payload, _args, { errors, ...result }) =>
        errors && ({ ...result, errors: errors.map(format) } as FormattedExecutionResult),
    },
    sockets,
  );
  return { close: async () => dispose() };
}

function format(error: GraphQLError | GraphQLFormattedError): GraphQLFormattedError {
  return toClient(error instanceof GraphQLError ? error.toJSON() : error, error);
}
