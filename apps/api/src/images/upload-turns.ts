import type { Request, RequestHandler, Response } from 'express';
import { TesseraError, type ErrorParts } from '@tessera/errors';
import type { Refusal } from '../guard/refusal.ts';
import { whenClosed } from '../guard/when-closed.ts';

/** Bodies in memory at one time. */
const MOST_UPLOADS = 8;
/** Bytes that a body brings in a second, at least: less than any line that pictures are sent over. */
const SLOWEST = 4096;
const SECOND_MS = 1000;
/** Slow seconds in a row that are waited through. */
const PATIENCE = 5;

/** Answers those that get no turn, or lose theirs. */
type RefuseTurn = (response: Response, refusal: Refusal) => void;

interface Body {
  readonly drop: () => void;
  /** In a row until now. */
  slowSeconds: number;
}

/**
 * Turns are for bodies that move. One that brings less than `SLOWEST` for `PATIENCE` seconds loses its turn; where all
 * turns are taken, the slowest loses it after one such second, to the next that comes.
 */
export function takeTurns(refuse: RefuseTurn): RequestHandler {
  /** Slots whose bodies are still on their way, and then until they are answered. */
  const bodies = new Set<Body>();
  return (request, response, next) => {
    if (bodies.size >= MOST_UPLOADS) {
      const slowest = [...bodies].reduce((one, other) => (other.slowSeconds > one.slowSeconds ? other : one));
      if (slowest.slowSeconds === 0) {
        response.set('Retry-After', '1');
        return refuse(response, busy());
      }
      slowest.drop();
    }
    const body: Body = { slowSeconds: 0, drop: () => drop(request, response) };
    bodies.add(body);
    const stop = watch(request, body);
    whenClosed(response, () => {
      stop();
      bodies.delete(body);
    });
    next();

    function drop(request: Request, response: Response): void {
      stop();
      bodies.delete(body);
      response.set('Connection', 'close');
      response.once('finish', () => request.destroy());
      refuse(response, slow());
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

function busy(): Refusal {
  const got = `one more upload while ${MOST_UPLOADS} are under way`;
  const expected = `at most ${MOST_UPLOADS} at a time`;
  return refusal(503, { code: 'uploads-busy', got, expected, next: 'Send it again in a moment.' });
}

function slow(): Refusal {
  const got = 'a body that comes too slowly, or not at all';
  const expected = `at least 4 kB in a second, and at most ${PATIENCE} slower seconds in a row`;
  return refusal(408, { code: 'upload-too-slow', got, expected, next: 'Send it again.' });
}

function refusal(status: number, parts: Omit<ErrorParts, 'who'>): Refusal {
  return { status, error: new TesseraError({ who: 'uploads', ...parts }) };
}
