import type { IncomingMessage } from 'node:http';
import { TesseraError } from '@tessera/errors';
import type WebSocket from 'ws';
import type { Refusal } from '../http/refusal.ts';

/** A page needs one; a proxy in front of this server is one address for all of its clients. */
const MOST_OF_AN_ADDRESS = 256;
const MOST_SOCKETS = 1024;
/** Operations that run on one socket, subscriptions above all. */
const MOST_OPERATIONS = 256;

/** What waits in this process for one client, in bytes. */
const MOST_BUFFERED = 4 * 1024 * 1024;
/** How long something may wait for a client that does not read. */
const MOST_WAIT_MS = 30_000;
const LOOK_EVERY_MS = 1000;
/** Close code "try again later": clients come back and go on after their last seq. */
const TRY_AGAIN_LATER = 1013;

/** Bounds what clients hold of this server by their sockets. */
export interface SocketLimits {
  /** Why one more socket of this client is not opened; null where it may be. */
  refusalOf(request: IncomingMessage): Refusal | null;
  /** Counts an open socket, and closes it where its client does not read. */
  watch(socket: WebSocket, request: IncomingMessage): void;
  close(): void;
}

export function socketLimits(): SocketLimits {
  const ofAddress = new Map<string, number>();
  /** Since when something has waited for each of them; null: nothing does. */
  const waitingSince = new Map<WebSocket, number | null>();
  const look = (socket: WebSocket): void => {
    const { bufferedAmount } = socket;
    const since = bufferedAmount === 0 ? null : (waitingSince.get(socket) ?? Date.now());
    waitingSince.set(socket, since);
    if (bufferedAmount <= MOST_BUFFERED && (since === null || Date.now() - since <= MOST_WAIT_MS)) return;
    socket.close(TRY_AGAIN_LATER, 'Messages wait for this client: read them sooner.');
  };
  const timer = setInterval(() => {
    for (const socket of waitingSince.keys()) look(socket);
  }, LOOK_EVERY_MS);
  return {
    refusalOf(request) {
      if ((ofAddress.get(addressOf(request)) ?? 0) >= MOST_OF_AN_ADDRESS) {
        return { status: 429, error: tooManySockets(`${MOST_OF_AN_ADDRESS} open sockets of this address`) };
      }
      if (waitingSince.size < MOST_SOCKETS) return null;
      return { status: 503, error: tooManySockets(`${MOST_SOCKETS} open sockets`) };
    },
    watch(socket, request) {
      const address = addressOf(request);
      ofAddress.set(address, (ofAddress.get(address) ?? 0) + 1);
      waitingSince.set(socket, null);
      socket.on('ping', () => look(socket));
      socket.on('message', () => look(socket));
      socket.once('close', () => {
        waitingSince.delete(socket);
        const left = ofAddress.get(address)! - 1;
        if (left > 0) ofAddress.set(address, left);
        else ofAddress.delete(address);
      });
    },
    close: () => clearInterval(timer),
  };
}

/** Error `too-many-operations` where more of them run on a socket than may; else null. */
export function tooManyOperations(running: number): TesseraError | null {
  if (running <= MOST_OPERATIONS) return null;
  return new TesseraError({
    code: 'too-many-operations',
    who: 'api',
    got: `one more operation while ${MOST_OPERATIONS} run on this socket`,
    expected: `at most ${MOST_OPERATIONS}`,
    next: 'Complete one of them first.',
  });
}

function tooManySockets(got: string): TesseraError {
  return new TesseraError({
    code: 'too-many-sockets',
    who: 'api',
    got: `one more socket on top of ${got}`,
    expected: `at most ${MOST_OF_AN_ADDRESS} of an address, and ${MOST_SOCKETS} of all`,
    next: 'Close one first: one socket carries many subscriptions.',
  });
}

function addressOf(request: IncomingMessage): string {
  return request.socket.remoteAddress ?? '';
}
