import type { Request, RequestHandler, Response } from 'express';

/** Bodies in memory at one time. */
export const MOST_UPLOADS = 8;
/** Bytes that a body brings in a second, at least: less than any line that pictures are sent over. */
const SLOWEST = 4096;
const SECOND_MS = 1000;
/** Slow seconds in a row that are waited through. */
export const PATIENCE = 5;

/** What becomes of those that get no turn, or lose theirs. */
export interface TurnRefusals {
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
export function takeTurns({ busy, slow }: TurnRefusals): RequestHandler {
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
