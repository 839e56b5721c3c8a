import { isTesseraError, TesseraError } from '@tessera/errors';

/** Error `stream-interrupted`: nothing is wrong with what was asked for, and the client goes on by connecting again. */
export function interrupted(got: string): TesseraError {
  return new TesseraError({
    code: 'stream-interrupted',
    who: 'generationEvents',
    got,
    expected: 'a server that can read events',
    next: 'Connect again, with after as the last seq that you have seen.',
  });
}

/** True where the connection ends with the error, so that its client connects again by itself. */
export function isInterruption(error: unknown): error is TesseraError {
  return isTesseraError(error) && error.code === 'stream-interrupted';
}
