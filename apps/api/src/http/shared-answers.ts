import { createHash } from 'node:crypto';
import {
  createSourceEventStream,
  execute,
  type ExecutionArgs,
  type ExecutionResult,
  type FormattedExecutionResult,
} from 'graphql';

/** Answers that are kept for others: those of the newest events to a few different documents. */
const MOST_KEPT = 256;

/** A subscription's answers as JSON text. `return` ends them, also while the next one is awaited. */
export interface Answers {
  next(): Promise<string | null>;
  return(): Promise<void>;
}

/**
 * GraphQL's `subscribe`, whose answer to an event is made once for all who sent the same document and variables. It
 * relies on sources that give all their readers the same event objects, and on a context that is the same for all.
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
    const { document, operationName, variableValues } = args;
    const asked = JSON.stringify([document.loc?.source.body, operationName, variableValues]);
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
