import { isTesseraError, TesseraError } from '@tessera/errors';
import { GraphQLError, type GraphQLFormattedError } from 'graphql';
import { logError } from '../log-error.ts';

/** Sentences for what GraphQL itself refuses, by the codes that Apollo gives. */
const sentences: Record<string, { readonly expected: string; readonly next: string }> = {
  GRAPHQL_PARSE_FAILED: {
    expected: 'a GraphQL document of at most 2000 tokens',
    next: 'Correct its syntax, or send less at once.',
  },
  GRAPHQL_VALIDATION_FAILED: {
    expected: 'a document that fits the schema',
    next: 'Compare it with apps/api/schema.graphql.',
  },
  BAD_USER_INPUT: { expected: 'variables that fit the schema', next: 'Compare them with apps/api/schema.graphql.' },
  BAD_REQUEST: {
    expected: 'a POST of JSON with a query',
    next: 'Send {"query": "..."} with content-type application/json.',
  },
  OPERATION_RESOLUTION_FAILURE: {
    expected: 'one operation, or the name of one of several',
    next: 'Correct operationName.',
  },
  PERSISTED_QUERY_NOT_SUPPORTED: { expected: 'the query itself', next: 'Send {"query": "..."}.' },
};

/** Of the words of others, which may repeat what they were sent. */
const MOST_WORDS = 300;

/**
 * An error as clients see it: one sentence and a stable code. Unexpected errors are written to the server's output and
 * leave it without their words, which may hold paths.
 */
export function toClient(formatted: GraphQLFormattedError, error: unknown): GraphQLFormattedError {
  const cause = error instanceof GraphQLError ? error.originalError : error;
  if (isTesseraError(cause)) return withSentence(formatted, cause);
  const code = String(formatted.extensions?.['code'] ?? codeOf(error));
  const sentence = sentences[code];
  if (sentence) {
    const words = formatted.message
      .slice(0, MOST_WORDS)
      .replace(/\s+/g, ' ')
      .replace(/\.?\s*$/, '');
    const got = `a request it cannot read (${words})`;
    return withSentence(formatted, new TesseraError({ code, who: 'api', got, ...sentence }));
  }
  if (code !== 'INTERNAL_SERVER_ERROR') return formatted;
  logError('unexpected error', cause ?? error);
  return withSentence(formatted, unexpected());
}

/** The WebSocket transport runs GraphQL without Apollo, which would have set a code. */
function codeOf(error: unknown): string {
  if (!(error instanceof GraphQLError)) return 'INTERNAL_SERVER_ERROR';
  if (error.originalError) return 'INTERNAL_SERVER_ERROR';
  if (error.message.startsWith('Syntax Error')) return 'GRAPHQL_PARSE_FAILED';
  return error.path ? 'INTERNAL_SERVER_ERROR' : 'GRAPHQL_VALIDATION_FAILED';
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
