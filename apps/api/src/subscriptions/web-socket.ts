import type { IncomingMessage, Server } from 'node:http';
import type { Duplex } from 'node:stream';
import { TesseraError } from '@tessera/errors';
import { meters } from '@tessera/telemetry';
import { GraphQLError, type ExecutionArgs, type ExecutionResult } from 'graphql';
import { useServer, type Extra } from 'graphql-ws/use/ws';
import WebSocket, { WebSocketServer } from 'ws';
import { isRefusal, type Guard } from '../guard/guard.ts';
import { socketCallers, type SocketCallers } from '../guard/socket-callers.ts';
import type { Gate } from '../guard/gate.ts';
import { refuseOn, type Refusal } from '../guard/refusal.ts';
import { contextOf, type ApiParts } from '../schema/builder.ts';
import type { ConnectionLimits } from './connection-limits.ts';
import { isInterruption } from '../streams/interruption.ts';
import { format, formatted, isAnswers, type Operations } from './operations.ts';
import type { Answers } from './shared-answers.ts';

/** No message to this server is long. */
const MOST_BYTES = 64 * 1024;
/** A client that answers no ping until the next is gone. It may be sending much at once: its answer waits behind that. */
const PING_EVERY_MS = 30_000;
/** Close code "try again later": clients come back and go on after their last seq. */
const TRY_AGAIN_LATER = 1013;

export interface SocketParts {
  readonly gate: Gate;
  readonly guard: Guard;
  readonly limits: ConnectionLimits;
  readonly operations: Operations;
  readonly parts: ApiParts;
}

/** GraphQL over WebSocket (protocol graphql-transport-ws) at /graphql. */
export function serveWebSocket(
  server: Server,
  { gate, guard, limits, operations, parts }: SocketParts,
): { close(): Promise<void> } {
  const callers = socketCallers(guard);
  const sockets = openSockets(server, { gate, guard, limits, callers });
  /** Where the answers of an operation go. */
  const places = new WeakMap<ExecutionArgs, Place>();
  const { dispose } = useServer<Readonly<Record<string, unknown>>, Partial<Extra>>(
    {
      onConnect: ({ extra, connectionParams }) => callers.admit(extra as Extra, connectionParams),
      onSubscribe: async ({ extra, subscriptions }, id, asked) => {
        const tooMany = limits.refusalOfOperation(Object.keys(subscriptions).length);
        if (tooMany) meters.refusals.inc({ code: tooMany.code });
        if (tooMany) return [new GraphQLError(tooMany.message, { originalError: tooMany })];
        const context = contextOf(parts, callers.of(extra.request!));
        const tooOften = await parts.quotas.countRequest(context.owner);
        if (tooOften) return [new GraphQLError(tooOften.message, { originalError: tooOften })];
        const args = await operations.read(asked, context);
        if ('document' in args) places.set(args, { socket: extra.socket as QuietSocket, id });
        return args;
      },
      execute: (args) => operations.run(args) as Promise<ExecutionResult>,
      subscribe: async (args) => {
        const result = await operations.run(args);
        return isAnswers(result) ? deliver(result, { ...places.get(args)!, turn: operations.turn }) : result;
      },
      onError: (_context, _id, _payload, errors) => errors.map(format),
      onNext: (_context, _id, _payload, _args, result) => formatted(result as ExecutionResult),
    },
    sockets,
    PING_EVERY_MS,
  );
  return { close: async () => void (await dispose()) };
}

interface Place {
  readonly socket: QuietSocket;
  readonly id: string;
}

/**
 * Sends a subscription's answers under its id, as messages `next`: one after the other has left this process, and in its
 * turn among all others. What it gives yields nothing and ends with the answers, as graphql-ws needs it.
 */
function deliver(
  answers: Answers,
  { socket, id, turn }: Place & Pick<Operations, 'turn'>,
): AsyncIterableIterator<never> {
  const head = `{"id":${JSON.stringify(id)},"type":"next","payload":`;
  const done = { done: true, value: undefined } as const;
  const sendAll = async (): Promise<void> => {
    let slow = false;
    for (let answer = await answers.next(slow); answer !== null; answer = await answers.next(slow)) {
      await turn();
      slow = await socket.sent(`${head}${answer.text}}`);
    }
  };
  return {
    async next() {
      try {
        await sendAll();
      } catch (error) {
        if (!isInterruption(error)) throw error;
        socket.close(TRY_AGAIN_LATER, reasonOf(error.message));
        // Without its last message the subscription is not complete: its client comes back for the rest.
        await new Promise((resolve) => socket.once('close', resolve));
      }
      return done;
    },
    async return() {
      await answers.return();
      return done;
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}

/** Reasons of closed sockets have at most 123 bytes. */
function reasonOf(message: string): string {
  return message.slice(0, 120);
}

/**
 * A socket that cannot be written has no reader any more: its closing says so, once. Messages of one turn of the event
 * loop leave in one write: a call of the operating system takes as long as all else that is done for a message.
 */
class QuietSocket extends WebSocket {
  /** What it writes to. */
  wire: Duplex | null = null;
  #isCorked = false;
  /** The last write had to wait. */
  #waits = false;

  override send(data: Parameters<WebSocket['send']>[0], ...rest: unknown[]): void {
    const done = rest.find((one) => typeof one === 'function');
    this.#cork();
    super.send(data, () => void done?.());
  }

  /** Resolves when the message has left, or cannot: the end of a socket ends its subscriptions by another way. True where it had to wait. */
  sent(message: string): Promise<boolean> {
    return new Promise((resolve) => this.send(message, () => resolve(this.#waits)));
  }

  #cork(): void {
    const { wire } = this;
    if (this.#isCorked || wire === null) return;
    this.#isCorked = true;
    wire.cork();
    setImmediate(() => {
      this.#isCorked = false;
      wire.uncork();
      this.#waits = wire.writableLength > 0;
    });
  }
}

interface Doors {
  readonly gate: Gate;
  readonly guard: Guard;
  readonly limits: ConnectionLimits;
  readonly callers: SocketCallers;
}

/** Browsers let every page open a socket to every server: these go through the gate too, and are refused as clearly. */
function openSockets(
  server: Server,
  { gate, guard, limits, callers }: Doors,
): InstanceType<typeof WebSocketServer<typeof QuietSocket>> {
  // One message of a socket in a turn of the event loop: what its client sends more waits on its side.
  const fair = { allowSynchronousEvents: false };
  const sockets = new WebSocketServer<typeof QuietSocket>({
    noServer: true,
    maxPayload: MOST_BYTES,
    WebSocket: QuietSocket,
    ...fair,
  });
  sockets.on('wsClientError', ({ message }, socket) => refuseOn(socket, badHandshake(message)));
  server.on('upgrade', (request, socket, head) => {
    const path = request.url!.split('?')[0]!;
    const elsewhere = path === '/graphql' ? null : badHandshake(`the path ${path.slice(0, 100)}`);
    const refusal =
      gate.refusalOf(request.headers, request.rawHeaders) ?? elsewhere ?? limits.refusalOf(guard.addressOf(request));
    if (refusal) return refuseOn(socket, refusal);
    if (request.headers.authorization === undefined) return open(request, socket, head);
    identifyFirst(request, socket, () => open(request, socket, head));
  });
  return sockets;

  function open(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    sockets.handleUpgrade(request, socket, head, (opened) => {
      opened.wire = socket;
      watch(opened, limits, guard.addressOf(request));
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

function watch(socket: WebSocket, limits: ConnectionLimits, address: string | undefined): void {
  const close = (reason: string) => socket.close(TRY_AGAIN_LATER, reason);
  const { look, ended } = limits.watch({ kind: 'webSockets', buffered: () => socket.bufferedAmount, close }, address);
  socket.on('ping', look).on('message', look).once('close', ended);
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
