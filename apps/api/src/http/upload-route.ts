import express, { type ErrorRequestHandler, type Request, type RequestHandler, type Response } from 'express';
import { isTesseraError, printable, TesseraError, type ErrorParts } from '@tessera/errors';
import type { ImageUrls } from '../guard/image-urls.ts';
import type { Uploads } from '../images/uploads.ts';
import { asErrors } from './refusal.ts';

const MOST_MEBIBYTES = 16;
const types = ['image/png', 'image/jpeg', 'image/webp'];

/** `POST /v1/uploads`: the bytes of a picture in, its id out. */
export function uploadRoute(uploads: Uploads, urls: ImageUrls): (RequestHandler | ErrorRequestHandler)[] {
  const receive = express.raw({ type: () => true, limit: MOST_MEBIBYTES * 1024 * 1024, inflate: false });
  const store: RequestHandler = async ({ body }, response) => {
    const { id, height, width } = await uploads.add(Buffer.isBuffer(body) ? body : Buffer.alloc(0));
    response.status(201).json({ id, url: urls.of(id), height, width });
  };
  return [requireOwnType, takeUploadTurns(), receive, store, explain];
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

const takeUploadTurns = () =>
  takeTurns({
    busy(response) {
      const got = `one more upload while ${MOST_UPLOADS} are under way`;
      const expected = `at most ${MOST_UPLOADS} at a time`;
      response.set('Retry-After', '1');
      refuse(response, 503, { code: 'uploads-busy', got, expected, next: 'Send it again in a moment.' });
    },
    slow(response) {
      const got = 'a body that comes too slowly, or not at all';
      const expected = `at least 4 kB in a second, and at most ${PATIENCE} slower seconds in a row`;
      refuse(response, 408, { code: 'upload-too-slow', got, expected, next: 'Send it again.' });
    },
  });

const explain: ErrorRequestHandler = (error: { status?: number }, _request, response, next) => {
  if (response.headersSent) return next(error);
  if (isTesseraError(error)) {
    const full = error.code === 'storage-failed';
    if (full) console.error(printable(`[api] an upload could not be stored: ${String(error.cause ?? error.message)}`));
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

/** Bodies in memory at one time. */
const MOST_UPLOADS = 8;
/** Bytes that a body brings in a second, at least: less than any line that pictures are sent over. */
const SLOWEST = 4096;
const SECOND_MS = 1000;
/** Slow seconds in a row that are waited through. */
const PATIENCE = 5;

/** What becomes of those that get no turn, or lose theirs. */
interface TurnRefusals {
  busy(response: Response): void;
  slow(response: Response): void;
}

interface Body {
  readonly drop: () => void;
  /** In a row until now. */
  slowSeconds: number;
}

/**
 * Turns are for bodies that move. One that brings less than `SLOWEST` for `PATIENCE` seconds loses its turn; where all
 * turns are taken, the slowest loses it after one such second, to the next that comes.
 */
function takeTurns({ busy, slow }: TurnRefusals): RequestHandler {
  /** Slots whose bodies are still on their way, and then until they are answered. */
  const bodies = new Set<Body>();
  return (request, response, next) => {
    if (bodies.size >= MOST_UPLOADS) {
      const slowest = [...bodies].reduce((one, other) => (other.slowSeconds > one.slowSeconds ? other : one));
      if (slowest.slowSeconds === 0) return busy(response);
      slowest.drop();
    }
    const body: Body = { slowSeconds: 0, drop: () => drop(request, response) };
    bodies.add(body);
    const stop = watch(request, body);
    response.once('close', () => {
      stop();
      bodies.delete(body);
    });
    next();

    function drop(request: Request, response: Response): void {
      stop();
      bodies.delete(body);
      response.set('Connection', 'close');
      response.once('finish', () => request.destroy());
      slow(response);
    }
  };
}

/** Counts slow seconds until the body is there; the returned function ends it sooner. */
function watch(request: Request, body: Body): () => void {
  let bytes = 0;
  request.on('data', (chunk: Buffer) => (bytes += chunk.length));
  const clock = setInterval(() => {
    body.slowSeconds = bytes < SLOWEST ? body.slowSeconds + 1 : 0;
    bytes = 0;
    if (body.slowSeconds >= PATIENCE) body.drop();
  }, SECOND_MS);
  const stop = () => clearInterval(clock);
  request.once('end', () => {
    body.slowSeconds = 0;
    stop();
  });
  return stop;
}
