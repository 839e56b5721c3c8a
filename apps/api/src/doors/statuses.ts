import type { Response } from 'express';
import type { TesseraError } from '@tessera/errors';

/** HTTP statuses of refusals; what is not here is a fault of the request: 400. */
const statuses: Readonly<Record<string, number>> = {
  'unknown-model': 404,
  'unknown-generation': 404,
  'unknown-picture': 404,
  'idempotency-conflict': 409,
  'upload-too-large': 413,
  'body-too-large': 413,
  'upload-type': 415,
  'queue-full': 429,
  'quota-exceeded': 429,
  'rate-exceeded': 429,
  'storage-failed': 503,
  INTERNAL_SERVER_ERROR: 500,
};

export function statusOf({ code }: TesseraError): number {
  return statuses[code] ?? 400;
}

/** When the same request may be taken: where that is not known, in a second. */
export function setRetryAfter(response: Response, error: TesseraError): void {
  const status = statusOf(error);
  if (status !== 429 && status !== 503) return;
  response.set('Retry-After', String(Math.max(1, Math.ceil(error.parts.retryAfter ?? 1))));
}
