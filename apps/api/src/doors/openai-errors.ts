import type { ErrorRequestHandler, Response } from 'express';
import { isTesseraError, TesseraError } from '@tessera/errors';
import { logError } from '@tessera/telemetry';
import { setRetryAfter, statusOf } from './statuses.ts';

/** A generation that was taken and ended without its images; the sentence was made where that happened. */
export class GenerationFailed extends Error {
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

/** An error as OpenAI's clients read it. */
interface OpenAiError {
  readonly error: {
    readonly message: string;
    readonly type: string;
    readonly param: string | null;
    readonly code: string;
  };
}

/** A client that has to wait for longer is told so at once. */
const MOST_RETRY_AFTER_S = 60;

/** Codes that OpenAI's clients know by another name. */
const theirCodes: Readonly<Record<string, string>> = {
  'unknown-model': 'model_not_found',
  'key-invalid': 'invalid_api_key',
  'key-missing': 'invalid_api_key',
  'quota-exceeded': 'insufficient_quota',
  'rate-exceeded': 'rate_limit_exceeded',
};

/** Fields of OpenAI's to blame, where the error names none. */
const theirParams: Readonly<Record<string, string>> = {
  'unknown-model': 'model',
  'count-out-of-range': 'n',
  'images-invalid': 'n',
  'edit-repaints-nothing': 'mask',
  'edit-mask-shape': 'mask',
  'edit-mask-size': 'mask',
  'edit-image-size': 'image',
  'edit-image-values': 'image',
  'size-unsupported': 'size',
  'option-unknown': 'options',
  'option-unused': 'options',
};

export function asOpenAiError(error: TesseraError | GenerationFailed, status = statusFor(error)): OpenAiError {
  const { code, message } = error;
  const field = isTesseraError(error) ? (error as TesseraError).parts.field?.join('.') : undefined;
  const param = theirParams[code] ?? field ?? null;
  return { error: { message, type: typeOf(status, code), param, code: theirCodes[code] ?? code } };
}

function statusFor(error: TesseraError | GenerationFailed): number {
  return error instanceof GenerationFailed ? 500 : statusOf(error);
}

function typeOf(status: number, code: string): string {
  if (code === 'quota-exceeded') return 'insufficient_quota';
  if (status === 429) return 'rate_limit_error';
  return status >= 500 ? 'server_error' : 'invalid_request_error';
}

/** Refuses in OpenAI's shape. */
export function refuseOpenAi(response: Response, error: TesseraError, status = statusOf(error)): void {
  setRetryAfter(response, error);
  // These clients repeat by themselves after any 409, and sleep for as long as they are told: a quota may take a day.
  const inVain = status === 409 || (error.parts.retryAfter ?? 0) > MOST_RETRY_AFTER_S;
  if (inVain) response.set('X-Should-Retry', 'false');
  response.status(status).json(asOpenAiError(error, status));
}

/** What routes throw, and what Express says of bodies that it cannot read. */
export const explainOpenAi: ErrorRequestHandler = (
  error: { status?: number; type?: string },
  _request,
  response,
  next,
) => {
  if (response.headersSent) return next(error);
  if (isTesseraError(error)) return refuseOpenAi(response, error as TesseraError);
  // The same request fails again: clients that repeat by themselves are told not to.
  if (error instanceof GenerationFailed)
    return void response.status(500).set('X-Should-Retry', 'false').json(asOpenAiError(error));
  const status = error.status ?? 500;
  if (status >= 500) return refuseOpenAi(response, unexpected(error));
  refuseOpenAi(response, unreadable(status, error.type), status);
};

export function unexpected(error: unknown): TesseraError {
  logError('unexpected error', error);
  return new TesseraError({
    code: 'INTERNAL_SERVER_ERROR',
    who: 'images',
    got: 'an unexpected error',
    expected: 'none',
    next: "The server's output says more; please report it.",
  });
}

function unreadable(status: number, type: string | undefined): TesseraError {
  const large = status === 413;
  return new TesseraError({
    code: large ? 'body-too-large' : 'malformed-body',
    who: 'images',
    got: large ? 'a larger body' : `a body that it cannot read (${type ?? status})`,
    expected: large
      ? '256 kB of JSON, or 34 MiB of a form, at most'
      : 'a JSON object, or a form where a picture is sent',
    next: 'Correct the body.',
  });
}
