import type { Request, RequestHandler } from 'express';
import { isTesseraError } from '@tessera/errors';
import { asErrors } from './refusal.ts';
import type { TrustedDocuments } from './trusted-documents.ts';

/** Puts the text of a document in the place of its name, in the body of a POST and in the query of a GET. */
export function namedDocuments(trusted: TrustedDocuments): RequestHandler {
  return (request, response, next) => {
    try {
      if (request.method === 'GET') ofQuery(request, trusted);
      else ofBody(request, trusted);
    } catch (error) {
      if (!isTesseraError(error)) throw error;
      return void response.status(400).json(asErrors(error));
    }
    next();
  };
}

function ofBody(request: Request, trusted: TrustedDocuments): void {
  const body: unknown = request.body;
  // A list of requests and other things are refused where they are read.
  if (typeof body !== 'object' || body === null || Array.isArray(body)) return;
  const fields = { ...body } as Record<string, unknown>;
  const text = trusted.textOf(fields);
  if (text === null) return;
  for (const name of ['documentId', 'extensions']) Reflect.deleteProperty(fields, name);
  request.body = { ...fields, query: text };
}

function ofQuery(request: Request, trusted: TrustedDocuments): void {
  const [path = '/', query = ''] = request.url.split(/\?(.*)/s);
  const parameters = new URLSearchParams(query);
  const one = (name: string) => parameters.get(name) ?? undefined;
  const text = trusted.textOf({
    query: one('query'),
    documentId: one('documentId'),
    extensions: objectIn(one('extensions')),
  });
  if (text === null) return;
  for (const name of ['documentId', 'extensions']) parameters.delete(name);
  parameters.set('query', text);
  request.url = `${path}?${parameters}`;
}

/** What is no JSON is refused where it is read. */
function objectIn(text: string | undefined): unknown {
  try {
    return text === undefined ? undefined : JSON.parse(text);
  } catch {
    return undefined;
  }
}
