import { createHash } from 'node:crypto';
import {
  createSourceEventStream,
  execute,
  getOperationAST,
  GraphQLError,
  Kind,
  visit,
  type ASTNode,
  type DocumentNode,
  type ExecutionArgs,
  type ExecutionResult,
  type FormattedExecutionResult,
} from 'graphql';
import { LRUCache } from 'lru-cache';
import type { ApiContext } from '../schema/builder.ts';
import { isInterruption } from '../streams/interruption.ts';

/** Answers that are kept for others: those of the newest events to a few different documents. */
const MOST_KEPT = 256;

/** An answer as JSON text, with the seq of its event; null for the answer that says why a stream ends. */
export interface Answer {
  readonly text: string;
  readonly seq: number | null;
}

/** A subscription's answers, until null. `return` ends them, also while the next one is awaited. */
export interface Answers {
  /**
   * `slow`: the client reads more slowly than answers come.
   * @throws TesseraError `stream-interrupted`
   */
  next(slow: boolean): Promise<Answer | null>;
  return(): Promise<void>;
}

interface Source {
  next(slow: boolean): Promise<IteratorResult<{ readonly seq: number }, undefined>>;
  return?(): Promise<unknown>;
}

/**
 * GraphQL's `subscribe`, whose answer to an event is made once for all who sent the same document and variables. It
 * relies on sources that give all their readers the same event objects, and on answers that do not depend on who asks:
 * the source was opened for its reader. URLs in them are signed again in each period.
 */
export function sharedAnswers(format: (result: ExecutionResult) => FormattedExecutionResult) {
  const idOf = eventIds();
  const kept = new LRUCache<string, Promise<string>>({ max: MOST_KEPT });
  const answer = (event: object, key: string, args: ExecutionArgs): Promise<string> => {
    const { urls } = args.contextValue as ApiContext;
    const name = `${idOf(event)} ${urls.period()} ${key}`;
    const made = kept.get(name) ?? answerTo({ ...args, rootValue: event });
    kept.set(name, made);
    return made;
  };
  const answerTo = async (args: ExecutionArgs): Promise<string> => textOf(await execute(args));
  const textOf = (result: ExecutionResult): string => JSON.stringify(format(result));
  return async (args: ExecutionArgs): Promise<ExecutionResult | Answers> => {
    const events = await createSourceEventStream(args);
    if (!(Symbol.asyncIterator in events)) return events;
    const source = events[Symbol.asyncIterator]() as Source;
    const key = keyOf(args);
    let over = false;
    return {
      async next(slow) {
        if (over) return null;
        try {
          const { done, value } = await source.next(slow);
          return done ? null : { text: await answer(value, key, args), seq: value.seq };
        } catch (error) {
          if (isInterruption(error)) throw error;
          over = true;
          return { text: textOf({ errors: [asGraphQLError(error)] }), seq: null };
        }
      },
      async return() {
        await source.return?.();
      },
    };
  };
}

/** What an answer depends on beside its event. Arguments of the root field have chosen the events, and nothing more. */
function keyOf({ document, operationName, variableValues }: ExecutionArgs): string {
  const used = variablesOfAnswers(document, operationName);
  const variables = Object.entries(variableValues ?? {}).filter(([name]) => used.has(name));
  const asked = JSON.stringify([document.loc?.source.body, operationName, variables]);
  return createHash('sha256').update(asked).digest('base64');
}

function variablesOfAnswers(document: DocumentNode, operationName: string | null | undefined): Set<string> {
  const operation = getOperationAST(document, operationName);
  const root = operation?.selectionSet.selections.find(({ kind }) => kind === Kind.FIELD);
  const used = new Set<string>();
  const skipped = new Set<ASTNode>(root?.kind === Kind.FIELD ? root.arguments : []);
  visit(document, {
    VariableDefinition: () => false,
    Argument: (node) => (skipped.has(node) ? false : undefined),
    Variable: ({ name }) => void used.add(name.value),
  });
  return used;
}

/** Any error as GraphQL has it. */
export function asGraphQLError(error: unknown): GraphQLError {
  if (error instanceof GraphQLError) return error;
  const originalError = error instanceof Error ? error : new Error(String(error));
  return new GraphQLError(originalError.message, { originalError });
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
