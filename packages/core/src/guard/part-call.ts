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

/** The same for code that answers later. */
export async function awaitPart<T>(part: PartCall, run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    throw partError(part, error);
  }
}

/** @throws TesseraError `part-shape` where a built part lacks something of its contract */
export function checkMembers(part: PartCall, built: object, members: readonly string[]): void {
  const missing = members.find((member) => (built as Record<string, unknown> | null)?.[member] === undefined);
  if (missing !== undefined) throw wrongShape(part, `an answer without ${missing}`, `one with ${members.join(', ')}`);
}

/** Error `part-shape`: what a part answered is not what its contract says. */
export function wrongShape({ name, call }: PartCall, got: string, expected: string): TesseraError {
  const next = `Report it to the makers of ${name}, or exchange the part.`;
  return new TesseraError({ code: 'part-shape', who: name, got: `${got} of ${call}`, expected, next });
}

function partError({ name, call }: PartCall, error: unknown): unknown {
  if (isTesseraError(error) || (error instanceof Error && error.name === 'AbortError')) return error;
  return new TesseraError({
    code: 'part-failed',
    who: name,
    got: `an error of ${call}: ${error instanceof Error ? error.message : String(error)}`,
    expected: 'a result',
    next: `Report it to the makers of ${name}, or exchange the part.`,
    cause: error,
  });
}

type Every<T> = { readonly [K in keyof Required<T>]: T[K] | undefined };

/** A guarded part: every member of the contract is named, and those that it does not have are left out. */
export function present<T extends object>(every: Every<T>): T {
  return Object.fromEntries(Object.entries(every).filter(([, value]) => value !== undefined)) as T;
}
