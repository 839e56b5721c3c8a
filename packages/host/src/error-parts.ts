import { isTesseraError, printable } from '@tessera/errors';

/** An error as data, for the way from one process to the other. Errors that are not ours keep their words. */
export function errorParts(error: unknown): { code: string; message: string } {
  if (isTesseraError(error)) return { code: error.code, message: error.message };
  const words = error instanceof Error ? error.message : String(error);
  return {
    code: 'model-error',
    message: `[host] got an unexpected error from the model (${printable(words)}); expected it to run. Report it together with the request.`,
  };
}
