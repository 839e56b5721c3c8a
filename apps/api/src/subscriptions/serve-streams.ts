import type { Server } from 'node:http';
import type { GraphQLSchema } from 'graphql';
import type { Guard } from '../guard/guard.ts';
import type { Gate } from '../guard/gate.ts';
import type { ApiParts } from '../schema/builder.ts';
import { connectionLimits } from './connection-limits.ts';
import { serveEventStreams, type EventStreams } from './event-stream.ts';
import { openOperations } from './operations.ts';
import type { StreamOptions } from './stream-options.ts';
import { serveWebSocket } from './web-socket.ts';

interface StreamParts {
  readonly gate: Gate;
  readonly guard: Guard;
  readonly schema: GraphQLSchema;
  readonly parts: ApiParts;
  readonly options: StreamOptions;
}

/** Both transports of subscriptions, with one set of limits. */
export interface StreamTransports {
  readonly eventStreams: EventStreams;
  /** Ends every stream; its client comes back, to this server or another. */
  close(): Promise<void>;
}

export function serveStreams(server: Server, { gate, guard, schema, parts, options }: StreamParts): StreamTransports {
  const limits = connectionLimits(options);
  const operations = openOperations({ schema, documents: guard.documents, limits });
  const sockets = serveWebSocket(server, { gate, guard, limits, operations, parts });
  const eventStreams = serveEventStreams({ guard, limits, operations, parts });
  return {
    eventStreams,
    async close() {
      limits.close();
      eventStreams.close();
      await sockets.close();
    },
  };
}
