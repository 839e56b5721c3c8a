import type { RequestHandler } from 'express';
import { TesseraError } from '@tessera/errors';
import { asErrors } from './refusal.ts';

/** Browsers let no page send these elsewhere unless that server allows it, which this one never does. */
const preflighted = ['apollo-require-preflight', 'x-apollo-operation-name'];

/**
 * GraphQL takes what pages of other servers cannot send unasked: JSON, or a GET with a header of Apollo's. Apollo would
 * refuse the rest too, in its own words.
 */
export const requireJson: RequestHandler = ({ method, headers }, response, next) => {
  const type = headers['content-type']?.split(';')[0]!.trim().toLowerCase();
  const known = method === 'GET' || method === 'POST';
  if (known && (type === 'application/json' || preflighted.some((name) => headers[name]))) return next();
  const error = new TesseraError({
    code: 'BAD_REQUEST',
    who: 'api',
    got: `a ${method} ${type ? `of content-type ${type.slice(0, 100)}` : 'without a content-type'}`,
    expected: 'a POST of JSON with a query',
    next: 'Send {"query": "..."} with content-type application/json.',
  });
  response.status(known ? 415 : 405).json(asErrors(error));
};
