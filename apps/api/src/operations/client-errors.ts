import { GraphQLError, Kind, type GraphQLFormattedError } from 'graphql';
import { isTesseraError, TesseraError } from '@tessera/errors';
import { logError } from '@tessera/telemetry';

/** Sentences for what GraphQL itself refuses, by codes that are Apollo's. */
const sentences: Record<string, { readonly expected: string; readonly next: string }> = {
  GRAPHQL_PARSE_FAILED: {
    expected: 'a GraphQL document of at most 2000 tokens',
    next: 'Correct its syntax, or send less at once.',
  },
  GRAPHQL_VALIDATION_FAILED: {
    expected: 'a document that fits the schema',
    next: 'Compare it with apps/api/schema.graphql.',
  },
  BAD_USER_INPUT: {
    expected: 'variables and values that fit the schema',
    next: 'Compare them with apps/api/schema.graphql.',
  },
  BAD_REQUEST: {
    expected: 'a POST of JSON with a query, or a GET of one',
    next: 'Send {"query": "..."} with content-type application/json.',
  },
  OPERATION_RESOLUTION_FAILURE: {
    expected: 'one operation, or the name of one of several',
    next: 'Correct operationName.',
  },
};

/** What to write in place of fields that were removed, by the type that had them. CHANGELOG.md lists them too. */
const removed = [
  {
    field: /Field "(?:label|labels|class|classes|count)" is not defined by type "CreateGenerationInput"/,
    next: 'Write images: [{ condition: { label: 7 }, count: 2 }] instead, or condition: { class: "cat" }.',
  },
  {
    field: /Cannot query field "labels" on type "Generation"/,
    next: 'Write images { condition { ... on ClassCondition { label } } } instead.',
  },
  {
    field: /Unknown argument "id" on field "Mutation\.cancelGeneration"|Field "cancelGeneration" argument "input"/,
    next: 'Write cancelGeneration(input: { id: $id }) instead.',
  },
  {
    field: /objects of type "(?:Create|Cancel)GenerationResult" can never be of type "Generation"/,
    next: 'Write ... on CreateGenerationPayload { generation { id } } instead, or CancelGenerationPayload.',
  },
  {
    field: /Unknown argument "count" on field "Query\.generations"|on type "GenerationConnection"/,
    next: 'Write generations(first: 20) { nodes { id } } instead.',
  },
  { field: /Field "model" of type "Model" must have/, next: 'Write modelName instead, or model { name }.' },
  {
    field: /Field "(?:mask|box|outside|place)" is not defined by type "EditInput"/,
    next: 'Write region: { inside: { x0: 0, y0: 0.5, x1: 1, y1: 1 } } instead, or outside, place or mask: one of them.',
  },
  {
    field: /Cannot query field "box" on type "GenerationEdit"|Field "(?:outside|place)" of type "Box" must have/,
    next: 'Write inside { x0 y0 x1 y1 } outside { x0 y0 x1 y1 } place { x0 y0 x1 y1 } instead: one of them is there.',
  },
];

/** Clients look for these words, not for the code: PersistedQueryNotFound makes them send the query itself. */
const protocolWords = new Set(['PERSISTED_QUERY_NOT_FOUND', 'PERSISTED_QUERY_NOT_SUPPORTED']);

/** Of messages of libraries, which may repeat what they were sent. */
const MOST_WORDS = 300;

/**
 * An error as clients see it, on both transports: one sentence and a stable code. Unexpected errors are written to the
 * server's output and leave it without their words, which may hold paths.
 */
export function toClient(formatted: GraphQLFormattedError, error: unknown): GraphQLFormattedError {
  const cause = error instanceof GraphQLError ? (error.originalError ?? error) : error;
  if (isTesseraError(cause)) return withSentence(formatted, cause);
  const code = codeOf(error);
  if (protocolWords.has(code)) return { message: formatted.message, extensions: { code } };
  const sentence = sentences[code];
  if (sentence) {
    const words = formatted.message
      .slice(0, MOST_WORDS)
      .replace(/\s+/g, ' ')
      .replace(/\.?\s*$/, '');
    const got = `a request it cannot read (${words})`;
    const { next } = removed.find(({ field }) => field.test(formatted.message)) ?? sentence;
    return withSentence(formatted, new TesseraError({ code, who: 'api', got, ...sentence, next }));
  }
  if (code !== 'INTERNAL_SERVER_ERROR') return formatted;
  logError('unexpected error', cause);
  return withSentence(formatted, unexpected());
}

/** The code that an error has; where it has none, whose mistake it is. */
function codeOf(error: unknown): string {
  if (!(error instanceof GraphQLError)) return 'INTERNAL_SERVER_ERROR';
  const code = error.extensions['code'];
  if (typeof code === 'string' && code !== 'INTERNAL_SERVER_ERROR') return code;
  if (isOfValues(error.originalError ?? error)) return 'BAD_USER_INPUT';
  // Without a path nothing has run yet: a library refused the request.
  return error.path || error.originalError ? 'INTERNAL_SERVER_ERROR' : 'BAD_REQUEST';
}

/** True for what GraphQL itself throws while it runs an operation, of the values that arguments and conditions got. */
function isOfValues(error: Error): boolean {
  if (!(error instanceof GraphQLError) || error.originalError || !error.nodes?.length) return false;
  return error.nodes.every(({ kind }) => kind !== Kind.FIELD);
}

function withSentence(formatted: GraphQLFormattedError, { code, message }: TesseraError): GraphQLFormattedError {
  const { locations, path } = formatted;
  return { message, ...(locations && { locations }), ...(path && { path }), extensions: { code } };
}

function unexpected(): TesseraError {
  return new TesseraError({
    code: 'INTERNAL_SERVER_ERROR',
    who: 'api',
    got: 'an unexpected error',
    expected: 'none',
    next: "The server's output says more; please report it.",
  });
}
