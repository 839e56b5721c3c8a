import type { Request, Response } from 'express';
import { TesseraError } from '@tessera/errors';
import { asErrors, type Refusal } from '../guard/refusal.ts';
import type { Asked } from './operations.ts';

/** True for a request to /graphql/stream, and for one to /graphql that names this type first. */
export function wantsEventStream({ path, headers }: Request): boolean {
  if (path === '/stream') return true;
  const [first = ''] = (headers.accept ?? '').split(/[,;]/);
  return path === '/' && first.trim().toLowerCase() === 'text/event-stream';
}

/** @throws TesseraError `BAD_REQUEST` */
export function askedBy({ method, query, body }: Request): Asked {
  const asked = (method === 'GET' ? query : body) as Readonly<Record<string, unknown>>;
  const { query: document, operationName } = asked;
  if (typeof document !== 'string') throw badRequest('no query', 'a GraphQL document as query');
  if (operationName !== undefined && operationName !== null && typeof operationName !== 'string') {
    throw badRequest('an operationName that is no text', 'the name of an operation');
  }
  const variables = method === 'GET' ? parsed(asked['variables']) : asked['variables'];
  if (!isObject(variables)) throw badRequest('variables that are no object', 'a JSON object, or nothing');
  return { query: document, operationName, variables };
}

function parsed(text: unknown): unknown {
  if (typeof text !== 'string' || text === '') return text === '' ? undefined : text;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> | null | undefined {
  return value === undefined || value === null || (typeof value === 'object' && !Array.isArray(value));
}

/**
 * The seq that the client has seen last; null where it says none.
 * @throws TesseraError `last-event-id-invalid`
 */
export function lastEventId({ headers }: Request): number | null {
  const id = headers['last-event-id'];
  if (id === undefined || id === '') return null;
  const seq = Number(id);
  if (/^\d{1,10}$/.test(String(id)) && seq < 2 ** 31) return seq;
  throw new TesseraError({
    code: 'last-event-id-invalid',
    who: 'api',
    got: `Last-Event-ID: ${String(id).slice(0, 100)}`,
    expected: 'the id of an event of this stream',
    next: 'Send the last one that was seen, or leave it out.',
  });
}

export function refuse(response: Response, { status, error }: Refusal): void {
  response.status(status).json(asErrors(error));
}

function badRequest(got: string, expected: string): TesseraError {
  const next = 'Send {"query": "...", "variables": {...}} as JSON, or both in the address of a GET.';
  return new TesseraError({ code: 'BAD_REQUEST', who: 'api', got, expected, next });
}
