import type WebSocket from 'ws';
import type { Answers } from './shared-answers.ts';

/**
 * Sends a subscription's answers under its id, as messages `next`: one after the other has left this process, and in its
 * turn among all others. What it gives yields nothing and ends with the answers, as graphql-ws needs it.
 */
export function deliver(
  answers: Answers,
  { socket, id, turn }: { readonly socket: WebSocket; readonly id: string; readonly turn: () => Promise<void> },
): AsyncIterableIterator<never> {
  const head = `{"id":${JSON.stringify(id)},"type":"next","payload":`;
  const done = { done: true, value: undefined } as const;
  return {
    async next() {
      for (let answer = await answers.next(); answer !== null; answer = await answers.next()) {
        await turn();
        await sent(socket, `${head}${answer}}`);
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

/** Resolves when the message has left, or cannot: the end of a socket ends its subscriptions by another way. */
function sent(socket: WebSocket, message: string): Promise<void> {
  return new Promise((resolve) => socket.send(message, () => resolve()));
}
