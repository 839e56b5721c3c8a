import { complexityFromQuery } from '@pothos/plugin-complexity';
import { GraphQLError, type DocumentNode, type GraphQLSchema } from 'graphql';
import { TesseraError } from '@tessera/errors';
import type { ApiContext } from '../schema/builder.ts';
import { mostClasses } from '../schema/models.ts';

/**
 * Values of one answer: everything of a hundred generations of 64 images. The event loop writes about half a million of
 * them in a second, and does nothing else meanwhile.
 */
const MOST_VALUES = 50_000;
/** Of one model, beside its classes; more than there are. */
const MODEL_VALUES = 200;

export interface Question {
  readonly schema: GraphQLSchema;
  /** Of one operation. */
  readonly document: DocumentNode;
  readonly variables: Readonly<Record<string, unknown>> | null | undefined;
  readonly context: ApiContext;
}

/**
 * Refuses a valid question whose answer may hold too much, as the fields' own `complexity` counts it: a value each, times
 * the most that the lists around it may hold. Everything of every model may always be asked for once.
 */
export function answerSizeError({ schema, document, variables, context }: Question): GraphQLError | null {
  const { complexity } = complexityFromQuery(document, { schema, ctx: context, variables: { ...variables } });
  const models = context.host.models();
  const most = MOST_VALUES + models.length * (MODEL_VALUES + 3 * mostClasses(models));
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
