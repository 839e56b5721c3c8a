import { createHash } from 'node:crypto';
import {
  createSourceEventStream,
  execute,
  type ExecutionArgs,
  type ExecutionResult,
  type FormattedExecutionResult,
} from 'graphql';
import type WebSocket from 'ws';
import type { ApiContext } from '../schema/builder.ts';

/** Answers that are kept for others: those of the newest events to a few different documents. */
const MOST_KEPT = 256;

/** A subscription's answers as JSON text. `return` ends them, also while the next one is awaited. */
export interface Answers {
  next(): Promise<string | null>;
  return(): Promise<void>;
}

/**
 * GraphQL's `subscribe`, whose answer to an event is made once for all who sent the same document and variables. It
 * relies on sources that give all their readers the same event objects, and on answers that are the same for all of a tenant.
 */
export function sharedAnswers(format: (result: ExecutionResult) => FormattedExecutionResult) {
  const idOf = eventIds();
  const kept = new Map<string, Promise<string>>();
  const answer = (event: unknown, key: string, args: ExecutionArgs): Promise<string> => {
    const name = `${idOf(event as object)} ${key}`;
    const made = kept.get(name) ?? answerTo({ ...args, rootValue: event });
    kept.delete(name);
    kept.set(name, made);
    if (kept.size > MOST_KEPT) kept.delete(kept.keys().next().value!);
    return made;
  };
  const answerTo = async (args: ExecutionArgs): Promise<string> => JSON.stringify(format(await execute(args)));
  return async (args: ExecutionArgs): Promise<ExecutionResult | Answers> => {
    const events = await createSourceEventStream(args);
    if (!(Symbol.asyncIterator in events)) return events;
    const source = events[Symbol.asyncIterator]();
    const { document, operationName, variableValues, contextValue } = args;
    const { owner, urls } = contextValue as ApiContext;
    const asked = JSON.stringify([
      owner.tenant,
      urls.period(),
      document.loc?.source.body,
      operationName,
      variableValues,
    ]);
    const key = createHash('sha256').update(asked).digest('base64');
    return {
      async next() {
        const { done, value } = await source.next();
        return done ? null : answer(value, key, args);
      },
      async return() {
        await source.return?.();
      },
    };
  };
}

/** Numbers for events, which have no name of their own. */
function eventIds(): (event: object) => number {
  const known = new WeakMap<object, number>();
  let last = 0;
  return (event) => {
    const id = known.get(event) ?? ++last;
    known.set(event, id);
    return id;
  };
}

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

/** How many go on in one turn of the event loop: a few hundred microseconds of work. */
const AT_ONCE = 8;

/** A queue in which many wait to do a little each, so that everything else gets its turn in between: who waits first goes first. */
export function turns(): () => Promise<void> {
  const waiting: (() => void)[] = [];
  const serve = (): void => {
    for (const go of waiting.splice(0, AT_ONCE)) go();
    if (waiting.length > 0) setImmediate(serve);
  };
  return () =>
    new Promise((resolve) => {
      if (waiting.push(resolve) === 1) setImmediate(serve);
    });
}
