import {
  execute,
  GraphQLError,
  OperationTypeNode,
  getOperationAST,
  parse,
  type DocumentNode,
  type ExecutionArgs,
  type ExecutionResult,
  type FormattedExecutionResult,
  type GraphQLFormattedError,
  type GraphQLSchema,
} from 'graphql';
import { isTesseraError, type TesseraError } from '@tessera/errors';
import { LRUCache } from 'lru-cache';
import { meters } from '@tessera/telemetry';
import type { TrustedDocuments } from '../guard/trusted-documents.ts';
import { checkOperation, parseOptions } from '../operations/check-operation.ts';
import { toClient } from '../operations/client-errors.ts';
import type { ApiContext } from '../schema/builder.ts';
import type { ConnectionLimits } from './connection-limits.ts';
import { isInterruption } from '../streams/interruption.ts';
import { asGraphQLError, sharedAnswers, type Answers } from './shared-answers.ts';
import { turns } from './turns.ts';

/** An operation as clients send it. */
export interface Asked {
  readonly query: string;
  readonly operationName?: string | null | undefined;
  readonly variables?: Readonly<Record<string, unknown>> | null | undefined;
  /** Whatever else is in it may name a document that is known. */
  readonly extensions?: unknown;
}

/** What sockets and event streams do with operations: the same on both. */
export interface Operations {
  /** Waits until many others have done a little. */
  turn(): Promise<void>;
  /** Reads and checks one, in its turn. */
  read(asked: Asked, context: ApiContext): Promise<ExecutionArgs | readonly GraphQLError[]>;
  /** Runs one: its answers where it is a subscription, else its result. */
  run(args: ExecutionArgs): Promise<ExecutionResult | Answers>;
}

interface OperationParts {
  readonly schema: GraphQLSchema;
  readonly documents: TrustedDocuments;
  readonly limits: ConnectionLimits;
}

export function openOperations({ schema, documents, limits }: OperationParts): Operations {
  const turn = turns();
  const parsed = parsedDocuments();
  const answersOf = sharedAnswers(formatted);
  const subscribe = async (args: ExecutionArgs): Promise<ExecutionResult | Answers> => {
    const ended = limits.subscribed();
    try {
      const answers = await answersOf(args);
      if (isAnswers(answers)) return withEnd(answers, ended);
      ended();
      const interruption = answers.errors?.map(({ originalError }) => originalError).find(isInterruption);
      return interruption ? interruptedAnswers(interruption) : answers;
    } catch (error) {
      ended();
      throw error;
    }
  };
  return {
    turn,
    async read(asked, context) {
      await turn();
      const { operationName, variables } = asked;
      const document = readDocument(asked, documents, parsed);
      if (document instanceof GraphQLError) return [document];
      const errors = checkOperation({ schema, document, operationName, variables, context, transport: 'stream' });
      if (errors.length > 0) return errors;
      return { schema, document, operationName, variableValues: variables, contextValue: context };
    },
    async run(args) {
      try {
        const { operation } = getOperationAST(args.document, args.operationName)!;
        return await (operation === OperationTypeNode.SUBSCRIPTION ? subscribe(args) : executed(args, operation));
      } catch (error) {
        return { errors: [asGraphQLError(error)] };
      }
    },
  };
}

/** Timed as those over HTTP. */
async function executed(args: ExecutionArgs, kind: string): Promise<ExecutionResult> {
  const end = meters.operations.startTimer({ kind });
  const result = await execute(args);
  end({ result: result.errors ? 'errors' : 'ok' });
  return result;
}

export function isAnswers(result: ExecutionResult | Answers): result is Answers {
  return 'next' in result;
}

/** Whatever begins with an interruption ends as one that comes later. */
function interruptedAnswers(error: TesseraError): Answers {
  return { next: () => Promise.reject(error), return: () => Promise.resolve() };
}

/** `return` is called at the end of every connection, whatever came before. */
function withEnd(answers: Answers, ended: () => void): Answers {
  return {
    async next(slow) {
      const answer = await answers.next(slow);
      if (answer === null) ended();
      return answer;
    },
    return() {
      ended();
      return answers.return();
    },
  };
}

/** Documents that are kept parsed, and the longest of them in characters. */
const MOST_PARSED = 200;
const LONGEST_PARSED = 10_000;

/** Parses a document, or finds it among those that came before. */
function parsedDocuments(): (text: string) => DocumentNode {
  const known = new LRUCache<string, DocumentNode>({ max: MOST_PARSED });
  return (text) => {
    const document = known.get(text) ?? parse(text, parseOptions);
    if (text.length <= LONGEST_PARSED) known.set(text, document);
    return document;
  };
}

function readDocument(
  asked: Asked,
  documents: TrustedDocuments,
  parsed: (text: string) => DocumentNode,
): DocumentNode | GraphQLError {
  try {
    return parsed(documents.textOf({ ...asked }) ?? asked.query);
  } catch (error) {
    if (isTesseraError(error)) return asGraphQLError(error);
    const { message, source, positions } = error as GraphQLError;
    return new GraphQLError(message, { source, positions, extensions: { code: 'GRAPHQL_PARSE_FAILED' } });
  }
}

export function formatted(result: ExecutionResult): FormattedExecutionResult {
  const { errors, ...rest } = result;
  return errors ? { ...rest, errors: errors.map(format) } : rest;
}

export function format(error: GraphQLError | GraphQLFormattedError): GraphQLFormattedError {
  return toClient(error instanceof GraphQLError ? error.toJSON() : error, error);
}
