import type { IncomingMessage, Server } from 'node:http';
import type { Duplex } from 'node:stream';
import { isTesseraError, TesseraError } from '@tessera/errors';
import {
  execute,
  GraphQLError,
  parse,
  type DocumentNode,
  type ExecutionArgs,
  type ExecutionResult,
  type FormattedExecutionResult,
  type GraphQLFormattedError,
  type GraphQLSchema,
} from 'graphql';
import type { SubscribePayload } from 'graphql-ws';
import { useServer, type Extra } from 'graphql-ws/use/ws';
import WebSocket, { WebSocketServer } from 'ws';
import { isRefusal, type Guard } from '../guard/guard.ts';
import type { TrustedDocuments } from '../guard/trusted-documents.ts';
import { socketCallers, type SocketCallers } from '../guard/socket-callers.ts';
import { checkOperation, parseOptions } from '../http/check-operation.ts';
import { toClient } from '../http/client-errors.ts';
import type { Gate } from '../http/gate.ts';
import { refuseOn, type Refusal } from '../http/refusal.ts';
import { contextOf, type ApiParts } from '../schema/builder.ts';
import { deliver, sharedAnswers, turns } from './shared-answers.ts';
import { socketLimits, tooManyOperations, type SocketLimits } from './socket-limits.ts';

/** No message to this server is long. */
const MOST_BYTES = 64 * 1024;

export interface SocketParts {
  readonly gate: Gate;
  readonly guard: Guard;
  readonly schema: GraphQLSchema;
  readonly parts: ApiParts;
}

/** GraphQL over WebSocket (protocol graphql-transport-ws) at /graphql. */
export function serveWebSocket(
  server: Server,
  { gate, guard, schema, parts }: SocketParts,
): { close(): Promise<void> } {
  const limits = socketLimits();
  const callers = socketCallers(guard);
  const sockets = openSockets(server, { gate, guard, limits, callers });
  const turn = turns();
  const answersOf = sharedAnswers(formatted);
  /** Where the answers of an operation go. */
  const places = new WeakMap<ExecutionArgs, { readonly socket: WebSocket; readonly id: string }>();
  const { dispose } = useServer<Readonly<Record<string, unknown>>, Partial<Extra>>(
    {
      schema,
      onConnect: ({ extra, connectionParams }) => callers.admit(extra as Extra, connectionParams),
      onSubscribe: async ({ extra, subscriptions }, id, payload) => {
        const { operationName, variables } = payload;
        const tooMany = tooManyOperations(Object.keys(subscriptions).length);
        if (tooMany) return [new GraphQLError(tooMany.message, { originalError: tooMany })];
        await turn();
        const document = readDocument(payload, guard.documents);
        if (document instanceof GraphQLError) return [document];
        const context = contextOf(parts, callers.of(extra.request!));
        const operation = { schema, document, operationName, variables, context, transport: 'socket' } as const;
        const errors = checkOperation(operation);
        if (errors.length > 0) return errors;
        const args = { schema, document, operationName, variableValues: variables, contextValue: context };
        places.set(args, { socket: extra.socket!, id });
        return args;
      },
      execute: (args) => guarded(() => execute(args)),
      subscribe: (args) =>
        guarded(async () => {
          const answers = await answersOf(args);
          return 'next' in answers ? deliver(answers, { ...places.get(args)!, turn }) : answers;
        }),
      onError: (_context, _id, _payload, errors) => errors.map(format),
      onNext: (_context, _id, _payload, _args, result) => formatted(result as ExecutionResult),
    },
    sockets,
  );
  return {
    async close() {
      limits.close();
      await dispose();
    },
  };
}

function readDocument(payload: SubscribePayload, documents: TrustedDocuments): DocumentNode | GraphQLError {
  try {
    return parse(documents.textOf({ ...payload }) ?? payload.query, parseOptions);
  } catch (error) {
    if (isTesseraError(error)) return new GraphQLError(error.message, { originalError: error });
    const { message, source, positions } = error as GraphQLError;
    return new GraphQLError(message, { source, positions, extensions: { code: 'GRAPHQL_PARSE_FAILED' } });
  }
}

/** What GraphQL throws becomes an answer: graphql-ws would close the socket, with every other operation on it. */
async function guarded<T>(run: () => T | Promise<T>): Promise<T | ExecutionResult> {
  try {
    return await run();
  } catch (error) {
    const originalError = error instanceof Error ? error : new Error(String(error));
    return { errors: [new GraphQLError(originalError.message, { originalError })] };
  }
}

/** A socket that cannot be written has no reader any more: its closing says so, once. */
class QuietSocket extends WebSocket {
  override send(data: Parameters<WebSocket['send']>[0], ...rest: unknown[]): void {
    const done = rest.find((one) => typeof one === 'function');
    super.send(data, () => void done?.());
  }
}

interface Doors {
  readonly gate: Gate;
  readonly guard: Guard;
  readonly limits: SocketLimits;
  readonly callers: SocketCallers;
}

/** Browsers let every page open a socket to every server: these go through the gate too, and are refused as clearly. */
function openSockets(server: Server, { gate, guard, limits, callers }: Doors): WebSocketServer {
  const sockets = new WebSocketServer({ noServer: true, maxPayload: MOST_BYTES, WebSocket: QuietSocket });
  sockets.on('wsClientError', ({ message }, socket) => refuseOn(socket, badHandshake(message)));
  server.on('upgrade', (request, socket, head) => {
    const path = request.url!.split('?')[0]!;
    const elsewhere = path === '/graphql' ? null : badHandshake(`the path ${path.slice(0, 100)}`);
    const refusal = gate.refusalOf(request.headers, request.rawHeaders) ?? elsewhere ?? limits.refusalOf(request);
    if (refusal) return refuseOn(socket, refusal);
    if (request.headers.authorization === undefined) return open(request, socket, head);
    identifyFirst(request, socket, () => open(request, socket, head));
  });
  return sockets;

  function open(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    sockets.handleUpgrade(request, socket, head, (opened) => {
      limits.watch(opened, request);
      sockets.emit('connection', opened, request);
      // graphql-ws would print every broken frame as an error of this server; ws has closed the socket by then.
      opened.removeAllListeners('error').on('error', () => undefined);
    });
  }

  /** Programs may say their key in the handshake; browsers cannot. */
  function identifyFirst(request: IncomingMessage, socket: Duplex, next: () => void): void {
    const ignore = () => undefined;
    socket.on('error', ignore);
    guard.identify(request).then(
      (found) => {
        socket.off('error', ignore);
        if (isRefusal(found)) return refuseOn(socket, found);
        callers.set(request, found);
        next();
      },
      () => socket.destroy(),
    );
  }
}

function badHandshake(why: string): Refusal {
  const error = new TesseraError({
    code: 'handshake-invalid',
    who: 'api',
    got: `an Upgrade that it cannot accept (${why})`,
    expected: 'a WebSocket at /graphql',
    next: 'Open one there, or send the request without Upgrade.',
  });
  return { status: 400, error };
}

function formatted(result: ExecutionResult): FormattedExecutionResult {
  const { errors, ...rest } = result;
  return errors ? { ...rest, errors: errors.map(format) } : rest;
}

function format(error: GraphQLError | GraphQLFormattedError): GraphQLFormattedError {
  return toClient(error instanceof GraphQLError ? error.toJSON() : error, error);
}
