import type { Response } from 'express';
import type { TesseraError } from '@tessera/errors';
import type { ErrorCode } from '../schema/error-codes.ts';

/** HTTP statuses of the codes that are in the enum: each has one, or this does not compile. */
const statuses: Readonly<Record<ErrorCode, number>> = {
  'admin-needed': 403,
  'after-out-of-range': 400,
  'ambiguous-label': 400,
  'answer-too-large': 400,
  'count-out-of-range': 400,
  'cursor-invalid': 400,
  'deadline-in-past': 400,
  'deadline-passed': 500,
  'details-too-many': 400,
  'condition-kind': 400,
  'condition-words': 400,
  'edit-box-invalid': 400,
  'edit-image-size': 400,
  'edit-image-values': 400,
  'edit-mask-shape': 400,
  'edit-mask-size': 400,
  'edit-outside-alone': 400,
  'edit-region-twice': 400,
  'edit-repaints-nothing': 400,
  'events-gone': 410,
  'field-invalid': 400,
  'field-unknown': 400,
  'generation-deleted': 404,
  'guidance-out-of-range': 400,
  'guidance-unsupported': 400,
  'host-disposed': 503,
  'idempotency-conflict': 409,
  'idempotency-key-invalid': 400,
  'images-empty': 400,
  'images-invalid': 400,
  interrupted: 503,
  'label-out-of-range': 400,
  'model-error': 500,
  'model-process-died': 500,
  'operation-too-deep': 400,
  'operation-too-wide': 400,
  'option-twice': 400,
  'option-unknown': 400,
  'option-unused': 400,
  'page-invalid': 400,
  'part-deaf': 500,
  'part-hangs': 500,
  'picture-animated': 400,
  'picture-broken': 400,
  'picture-depth': 400,
  'picture-format': 400,
  'picture-missing': 500,
  'picture-size': 400,
  'picture-too-large': 400,
  'priority-out-of-range': 400,
  'quota-exceeded': 429,
  'quota-too-small': 400,
  'queue-full': 429,
  'seed-out-of-range': 400,
  'size-unsupported': 400,
  'storage-failed': 503,
  'stream-interrupted': 503,
  'too-many-operations': 429,
  'too-many-sockets': 429,
  'unknown-generation': 404,
  'unknown-label': 400,
  'unknown-model': 404,
  'url-refused': 400,
  'unknown-picture': 404,
  'webhook-invalid': 400,
};

/** Of codes of HTTP alone. */
const ofDoors: Readonly<Record<string, number>> = {
  'not-found': 404,
  'upload-too-large': 413,
  'body-too-large': 413,
  'upload-type': 415,
  'rate-exceeded': 429,
  INTERNAL_SERVER_ERROR: 500,
};

/** What has no status of its own, as the codes of plug-ins, is a fault of the request. */
export function statusOf({ code }: TesseraError): number {
  return ofDoors[code] ?? statuses[code as ErrorCode] ?? 400;
}

/** When the same request may be taken: where that is not known, in a second. */
export function setRetryAfter(response: Response, error: TesseraError): void {
  const status = statusOf(error);
  if (status !== 429 && status !== 503) return;
  response.set('Retry-After', String(Math.max(1, Math.ceil(error.parts.retryAfter ?? 1))));
}
