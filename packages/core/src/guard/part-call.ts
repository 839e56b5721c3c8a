import { isTesseraError, TesseraError } from '@tessera/errors';

/** Whose code runs, and which call of the contract it answers. */
export interface PartCall {
  readonly name: string;
  readonly call: string;
}

/** Runs a part's own code. @throws TesseraError `part-failed`, which names the part; a TesseraError or an abort as it is */
export function callPart<T>(part: PartCall, run: () => T): T {
  try {
    return run();
  } catch (error) {
    throw partError(part, error);
  }
}

/** What a failure of a part's own code says to the outside. */
export function partError({ name, call }: PartCall, error: unknown): unknown {
  if (isTesseraError(error) || isAbort(error)) return error;
  return new TesseraError({
    code: 'part-failed',
    who: name,
    got: `an error of ${call}: ${error instanceof Error ? error.message : String(error)}`,
    expected: 'a result',
    next: `Report it to the makers of ${name}, or exchange the part.`,
    cause: error,
  });
}

function isAbort(error: unknown): boolean {
  return error instanceof Error && error.name === 'AbortError';
}
