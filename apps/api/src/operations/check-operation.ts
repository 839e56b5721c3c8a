import {
  getOperationAST,
  getVariableValues,
  GraphQLError,
  Kind,
  NoSchemaIntrospectionCustomRule,
  specifiedRules,
  validate,
  ValuesOfCorrectTypeRule,
  type DocumentNode,
  type GraphQLSchema,
  type OperationDefinitionNode,
  type ValidationRule,
} from 'graphql';
import { complexityFromQuery } from '@pothos/plugin-complexity';
import { TesseraError } from '@tessera/errors';
import type { ApiContext } from '../schema/builder.ts';
import { mostClasses } from '../schema/models.ts';
import { noSubscriptions, operationLimits, unconditionalSubscriptions } from './document-rules.ts';

/** What the parser takes: it stops there, so that neither a long nor a deep document costs more. */
export const parseOptions = { maxTokens: 2000 } as const;

/** Of one document: an answer must not grow with the number of mistakes. */
const MOST_ERRORS = 20;

/**
 * Values of one answer: everything of forty generations of 64 images. The event loop writes about half a million of them
 * in a second, and does nothing else meanwhile: 49 ms at most for 18,000, 105 ms for 45,000.
 */
const MOST_VALUES = 20_000;
/** Of one model, beside its classes; more than there are. */
const MODEL_VALUES = 200;

export interface Operation {
  readonly schema: GraphQLSchema;
  readonly document: DocumentNode;
  readonly operationName: string | null | undefined;
  readonly variables: Readonly<Record<string, unknown>> | null | undefined;
  readonly context: ApiContext;
  readonly transport: 'http' | 'stream';
}

const sound = [...specifiedRules.filter((rule) => rule !== ValuesOfCorrectTypeRule), operationLimits];

/**
 * Everything that can be said of an operation before it runs, for every transport: why it is refused, with a code each;
 * empty where it may run. What comes first is said alone: rules of documents, values in the document, variables, and the
 * size of the answer.
 */
export function checkOperation(operation: Operation): readonly GraphQLError[] {
  const { schema, document, operationName, variables, transport } = operation;
  const { hardened } = operation.context;
  const wrong = documentErrors({ schema, document, hardened }, transport);
  if (wrong.length > 0) return wrong;
  const node = getOperationAST(document, operationName);
  if (!node) return [unresolved(document, operationName)];
  const { errors, coerced } = getVariableValues(schema, node.variableDefinitions ?? [], variables ?? {}, {
    maxErrors: MOST_ERRORS,
    hideSuggestions: hardened,
  });
  if (!coerced) return errors.map((error) => withCode(error, 'BAD_USER_INPUT'));
  return sized({ ...operation, document: onlyOf(document, node) });
}

/** What was said of documents before: clients send the same ones again and again. */
const said = new WeakMap<DocumentNode, Map<string, readonly GraphQLError[]>>();

/** What is wrong with a document, whatever its variables are. */
function documentErrors(judged: Judged, transport: Operation['transport']): readonly GraphQLError[] {
  const known = said.get(judged.document) ?? new Map<string, readonly GraphQLError[]>();
  said.set(judged.document, known);
  const key = `${transport} ${judged.hardened}`;
  const errors = known.get(key) ?? judge(judged, transport);
  known.set(key, errors);
  return errors;
}

function judge(judged: Judged, transport: Operation['transport']): readonly GraphQLError[] {
  const own = [
    unconditionalSubscriptions,
    ...(transport === 'http' ? [noSubscriptions] : []),
    ...(judged.hardened ? [NoSchemaIntrospectionCustomRule] : []),
  ];
  for (const [code, rules] of [
    ['GRAPHQL_VALIDATION_FAILED', own],
    ['GRAPHQL_VALIDATION_FAILED', sound],
    // The same wrong value has the same code, in the document as in a variable.
    ['BAD_USER_INPUT', [ValuesOfCorrectTypeRule]],
  ] as const) {
    const errors = validated(judged, rules);
    if (errors.length > 0) return errors.map((error) => withCode(error, code));
  }
  return [];
}

/** Counting reads the arguments, which can be wrong still: null for a variable whose default was taken to hold. */
function sized(question: Question): readonly GraphQLError[] {
  try {
    const error = answerSizeError(question);
    return error ? [error] : [];
  } catch (error) {
    if (error instanceof GraphQLError) return [withCode(error, 'BAD_USER_INPUT')];
    return [new GraphQLError('The answer could not be measured', { originalError: error as Error })];
  }
}

interface Judged {
  readonly schema: GraphQLSchema;
  readonly document: DocumentNode;
  readonly hardened: boolean;
}

/** A rule that throws has met a document that it cannot judge, which is then refused with the rule's own words. */
function validated({ schema, document, hardened }: Judged, rules: readonly ValidationRule[]) {
  try {
    return validate(schema, document, rules, { maxErrors: MOST_ERRORS, hideSuggestions: hardened });
  } catch (error) {
    return [error instanceof GraphQLError ? error : new GraphQLError(String(error))];
  }
}

function withCode(error: GraphQLError, code: string): GraphQLError {
  const { message, nodes, source, positions, path, originalError, extensions } = error;
  return new GraphQLError(message, {
    nodes: nodes ?? null,
    source: source ?? null,
    positions: positions ?? null,
    path: path ?? null,
    originalError: originalError ?? null,
    extensions: { code, ...extensions },
  });
}

function unresolved({ definitions }: DocumentNode, name: string | null | undefined): GraphQLError {
  const several = definitions.filter(({ kind }) => kind === Kind.OPERATION_DEFINITION).length > 1;
  const words = name
    ? `Unknown operation named "${name}"`
    : several
      ? 'Must provide operation name if query contains multiple operations'
      : 'Must provide an operation';
  return new GraphQLError(words, { extensions: { code: 'OPERATION_RESOLUTION_FAILURE' } });
}

/** The document without its other operations. */
function onlyOf(document: DocumentNode, operation: OperationDefinitionNode): DocumentNode {
  const definitions = document.definitions.filter((one) => one === operation || one.kind === Kind.FRAGMENT_DEFINITION);
  return { ...document, definitions };
}

interface Question {
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
function answerSizeError({ schema, document, variables, context }: Question): GraphQLError | null {
  const { complexity } = complexityFromQuery(document, { schema, ctx: context, variables: { ...variables } });
  const models = context.models.models();
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
