import type { IncomingMessage } from 'node:http';
import type WebSocket from 'ws';
import type { Caller } from './caller.ts';
import { isRefusal, type Guard } from './guard.ts';

/** Close code of GraphQL over WebSocket, after which clients do not come back by themselves. */
const UNAUTHORIZED = 4401;
const TRY_AGAIN_LATER = 1013;

interface SocketExtra {
  readonly socket: WebSocket;
  readonly request: IncomingMessage;
}

/** Who is at the other end of each socket: known by the header of its handshake, or by `connectionParams.authorization`. */
export interface SocketCallers {
  /** Of the handshake, where it has a header. */
  set(request: IncomingMessage, caller: Caller): void;
  /** At the first message. False where the socket was closed. */
  admit(extra: SocketExtra, connectionParams: unknown): Promise<boolean>;
  /** Of an admitted socket. */
  of(request: IncomingMessage): Caller;
}

export function socketCallers(guard: Guard): SocketCallers {
  const known = new WeakMap<IncomingMessage, Caller>();
  return {
    set: (request, caller) => void known.set(request, caller),
    async admit({ socket, request }, connectionParams) {
      const authorization = authorizationIn(connectionParams);
      const found =
        (authorization === undefined && known.get(request)) || (await guard.identify(request, authorization));
      // Its client has left meanwhile, and its closing was said.
      if (socket.readyState !== socket.OPEN) return false;
      if (isRefusal(found)) {
        if (found.status !== 401) socket.close(TRY_AGAIN_LATER, 'Keys cannot be read now.');
        else socket.close(UNAUTHORIZED, 'Send connectionParams: { authorization: "Bearer tsr_..." } with a valid key.');
        return false;
      }
      if (guard.tooManyOpen(found)) {
        socket.close(TRY_AGAIN_LATER, 'This client has too many open sockets: close one first.');
        return false;
      }
      known.set(request, found);
      const forget = guard.whenRevoked(found, () => socket.close(UNAUTHORIZED, 'The key was revoked.'));
      socket.once('close', forget);
      return true;
    },
    of: (request) => known.get(request)!,
  };
}

function authorizationIn(params: unknown): string | undefined {
  if (typeof params !== 'object' || params === null) return undefined;
  const { authorization, Authorization = authorization } = params as Readonly<Record<string, unknown>>;
  return typeof Authorization === 'string' ? Authorization : undefined;
}
