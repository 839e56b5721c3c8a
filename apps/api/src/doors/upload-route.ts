import express, { type ErrorRequestHandler, type RequestHandler, type Response } from 'express';
import { isTesseraError, TesseraError, type ErrorParts } from '@tessera/errors';
import { log } from '@tessera/telemetry';
import type { Engine } from './engine.ts';
import { isQuotaError } from '../guard/quotas.ts';
import { callerOf, sendRefusal } from '../guard/require-caller.ts';
import { takeTurns } from '../images/upload-turns.ts';
import { asErrors } from '../guard/refusal.ts';

const MOST_MEBIBYTES = 16;
const types = ['image/png', 'image/jpeg', 'image/webp'];

/** `POST /v1/uploads`: the bytes of a picture in, its id out. */
export function uploadRoute(engine: Engine): (RequestHandler | ErrorRequestHandler)[] {
  const receive = express.raw({ type: () => true, limit: MOST_MEBIBYTES * 1024 * 1024, inflate: false });
  const store: RequestHandler = async ({ body }, response) => {
    const { owner } = callerOf(response);
    if (!Buffer.isBuffer(body) || body.length === 0) throw noBytes();
    const { id, height, width } = await engine.upload(owner, body);
    response.status(201).json({ id, url: engine.urlOf(id), height, width });
  };
  const turns = takeTurns((response, { status, error }) => void response.status(status).json(asErrors(error)));
  return [requireOwnType, turns, receive, store, explain];
}

function noBytes(): TesseraError {
  const got = { code: 'picture-format', who: 'uploads', got: 'an empty body', expected: 'the bytes of a picture' };
  return new TesseraError({ ...got, next: 'Send the file as the body.' });
}

function refuse(response: Response, status: number, parts: Omit<ErrorParts, 'who'>): void {
  response.status(status).json(asErrors(new TesseraError({ who: 'uploads', ...parts })));
}

/** Browsers let a page send these types elsewhere only after that server has allowed it, which this one never does. */
const requireOwnType: RequestHandler = (request, response, next) => {
  const type = request.headers['content-type']?.split(';')[0]!.trim().toLowerCase();
  if (type && types.includes(type)) return next();
  const got = type ? `the content-type ${type.slice(0, 100)}` : 'no content-type';
  const hint = 'Send the bytes of the file as they are, with its type.';
  refuse(response, 415, { code: 'upload-type', got, expected: types.join(', '), next: hint });
};

const explain: ErrorRequestHandler = (error: { status?: number }, _request, response, next) => {
  if (response.headersSent) return next(error);
  if (isTesseraError(error)) {
    if (isQuotaError(error)) return sendRefusal(response, { status: 429, error });
    const full = error.code === 'storage-failed';
    if (full) log.error({ cause: String(error.cause ?? error.message) }, 'an upload could not be stored');
    return void response.status(full ? 507 : 400).json(asErrors(error));
  }
  if (error.status === undefined || error.status >= 500) return next(error);
  const hint = 'Scale the picture down, or save it as JPEG.';
  const large = {
    code: 'upload-too-large',
    got: 'a larger file',
    expected: `at most ${MOST_MEBIBYTES} MiB`,
    next: hint,
  };
  const cut = {
    code: 'upload-broken',
    got: 'a body that cannot be read',
    expected: 'all bytes of the file, not compressed',
    next: 'Send it again.',
  };
  refuse(response, error.status, error.status === 413 ? large : cut);
};
