import { isTesseraError, TesseraError } from '@tessera/errors';
import { thrownWords } from '../define/shown.ts';
import type { Patience } from './patience.ts';
import { tensorsOf } from '@tessera/core';

/** Whose code runs, and which call of the contract it answers. */
export interface PartCall {
  readonly name: string;
  readonly call: string;
  /** What the part borrows: tensors that must be there when it has answered. */
  readonly lent?: readonly unknown[];
  /** Once it has aborted, whatever the part throws is the end that was asked for. */
  readonly signal?: AbortSignal;
  /** Its TesseraErrors speak of what it was given, a field or a file, and stay as they are. */
  readonly quotes?: boolean;
}

/**
 * Runs a part's own code.
 * @throws TesseraError `part-failed`, `part-shape`, `part-took`, which name the part; a TesseraError as it is, in the part's name
 */
export function callPart<T>(part: PartCall, run: () => T): T {
  let answer: T;
  try {
    answer = run();
  } catch (error) {
    throw partError(part, error);
  }
  if (isPromise(answer)) {
    // Nobody else would hear of its error, and that ends a process.
    answer.then(undefined, () => undefined);
    throw wrongShape(part, 'a promise', 'an answer at once');
  }
  checkLent(part);
  return answer;
}

/**
 * The same for code that answers later, which `patience` waits for. An answer that does not pass its check is disposed.
 * @throws TesseraError as above; the signal's reason
 */
export async function awaitPart<T>(
  part: PartCall & { readonly patience: Patience },
  run: () => Promise<T>,
  check?: (answer: T) => void | Promise<void>,
): Promise<T> {
  let answer: T;
  try {
    answer = await part.patience.for(part, run());
  } catch (error) {
    throw partError(part, error);
  }
  try {
    checkLent(part);
    await check?.(answer);
    return answer;
  } catch (error) {
    for (const tensor of tensorsOf(answer)) tensor.dispose();
    throw error;
  }
}

/** @throws TesseraError `part-shape` where a built part lacks something of its contract */
export function checkMembers(part: PartCall, built: object, members: readonly string[]): void {
  const missing = members.find((member) => (built as Record<string, unknown> | null)?.[member] == null);
  if (missing !== undefined) throw wrongShape(part, `an answer without ${missing}`, `one with ${members.join(', ')}`);
}

/** Error `part-shape`: what a part answered is not what its contract says. */
export function wrongShape({ name, call }: PartCall, got: string, expected: string): TesseraError {
  const next = `Report it to the makers of ${name}, or exchange the part.`;
  return new TesseraError({ code: 'part-shape', who: name, got: `${got} of ${call}`, expected, next });
}

function isPromise(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as PromiseLike<unknown> | null | undefined)?.then === 'function';
}

/** Error `part-misdescribed`: a part was built as something else than it says. */
export function misdescribed(who: string, got: string, expected: string): TesseraError {
  const next = `Correct or exchange ${who}.`;
  return new TesseraError({
    code: 'part-misdescribed',
    who,
    got,
    expected: `${expected}, as it describes itself`,
    next,
  });
}

/** Arguments are borrowed: whoever lent them still needs them. */
function checkLent(part: PartCall, cause?: unknown): void {
  const { name, call, lent = [] } = part;
  if (!lent.some((one) => tensorsOf(one).some(({ isDisposed }) => isDisposed))) return;
  throw new TesseraError({
    code: 'part-took',
    who: name,
    got: `a tensor that ${call} was lent, disposed`,
    expected: 'arguments to be left to their owner, and only tensors of its own to be disposed',
    next: `Report it to the makers of ${name}, or exchange the part.`,
    ...(cause !== undefined && { cause }),
  });
}

/** @throws TesseraError `part-took`, which explains what then went wrong */
function partError(part: PartCall, error: unknown): unknown {
  const { name, call, signal, quotes = false } = part;
  if (signal?.aborted) return signal.reason;
  checkLent(part, error);
  if (isTesseraError(error)) return quotes ? error : inItsName(part, error);
  return new TesseraError({
    code: 'part-failed',
    who: name,
    got: `an error of ${call}: ${thrownWords(error).replace(/\s+/g, ' ').slice(0, 400)}`,
    expected: 'a result',
    next: `Report it to the makers of ${name}, or exchange the part.`,
    cause: error,
  });
}

/** Programs, canvases and layers that a part uses complain by names of their own. */
function inItsName({ name, call }: PartCall, error: TesseraError): TesseraError {
  if (error.message.startsWith(`[${name}`) || !(error instanceof TesseraError)) return error;
  const { who, got } = error.parts;
  return new TesseraError({ ...error.parts, who: name, got: `${got} (in ${who}, of ${call})`, cause: error });
}

type Every<T> = { readonly [K in keyof Required<T>]: T[K] | undefined };

/** A guarded part: every member of the contract is named, and those that it does not have are left out. */
export function present<T extends object>(every: Every<T>): T {
  return Object.fromEntries(Object.entries(every).filter(([, value]) => value !== undefined)) as T;
}
