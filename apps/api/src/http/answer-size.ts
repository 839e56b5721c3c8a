import { complexityFromQuery } from '@pothos/plugin-complexity';
import { GraphQLError, type DocumentNode, type GraphQLSchema } from 'graphql';
import { TesseraError } from '@tessera/errors';
import type { ApiContext } from '../schema/builder.ts';

/** Values of one answer. The event loop writes about half a million of them in a second, and does nothing else meanwhile. */
const MOST_VALUES = 40_000;

export interface Question {
  readonly schema: GraphQLSchema;
  /** Of one operation. */
  readonly document: DocumentNode;
  readonly variables: Readonly<Record<string, unknown>> | null | undefined;
  readonly context: ApiContext;
}

/**
 * Refuses a valid question whose answer may hold too much, as the fields' own `complexity` counts it: a value each, times
 * the most that the lists around it may hold. Each class of each model may always be asked for once.
 */
export function answerSizeError({ schema, document, variables, context }: Question): GraphQLError | null {
  const { complexity } = complexityFromQuery(document, { schema, ctx: context, variables: { ...variables } });
  const most = MOST_VALUES + 3 * context.host.models().reduce((sum, { classes }) => sum + classes.length, 0);
  if (complexity <= most) return null;
  const originalError = new TesseraError({
    code: 'answer-too-large',
    who: 'api',
    got: `an operation whose answer may hold ${complexity} values`,
    expected: `at most ${most}`,
    next: 'Ask for fewer items of its lists, for less of each, or in several operations.',
  });
  return new GraphQLError(originalError.message, { originalError, extensions: { code: originalError.code } });
}
