import { tensorsOf } from '@tessera/core';
import { isTesseraError, printable, TesseraError } from '@tessera/errors';
import { thrownWords } from '../define/shown.ts';

/** Which part's code runs, and which call of the contract it implements. */
export interface PartCall {
  readonly name: string;
  readonly call: string;
  /** What the part borrows: its tensors must still exist when the call ends. */
  readonly lent?: readonly unknown[];
  /** After an abort, whatever the part throws counts as the abort. */
  readonly signal?: AbortSignal;
  /** Its TesseraErrors are about what it was given, a field or a file, and are not renamed. */
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
    // Without a handler, its rejection would end the process.
    answer.then(undefined, () => undefined);
    throw wrongShape(part, 'a promise', 'an answer at once');
  }
  checkLent(part);
  return answer;
}

/**
 * The same for asynchronous code, which `patience` waits for. A result that does not pass its check is disposed.
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

/** Error `part-shape`: what a part returned is not what its contract says. */
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

/** Arguments are borrowed: the caller still needs them. */
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

/** Programs, canvases and layers that a part uses throw errors under their own names. */
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

/** Takes a line for the user, besides the results of the program. */
export type Report = (line: string) => void;

/** How long a call may last before it is reported, in milliseconds. */
const first = 30_000;

/**
 * Waits for the calls of a part. From outside, a part that computes in another thread, one that waits for a device or a
 * network, and one that hangs look the same: so a slow call does not fail, it is reported.
 */
export class Patience {
  readonly #report: Report;
  #next = first;

  constructor(report: Report = console.error) {
    this.#report = report;
  }

  /** The result, however long it takes. The next report comes after twice the time of the last one. */
  async for<T>({ name, call }: { readonly name: string; readonly call: string }, answer: Promise<T>): Promise<T> {
    let timer: NodeJS.Timeout | undefined;
    const tellAfter = (waited: number): void => {
      const until = this.#next;
      timer = setTimeout(() => {
        this.#next = Math.max(this.#next, 2 * until);
        this.#report(
          `[${printable(name)}] ${call} has not answered for ${until / 1000} s: it computes, waits for something, or will ` +
            'never answer. It is waited for until the run is canceled.',
        );
        tellAfter(until);
      }, until - waited);
    };
    tellAfter(0);
    try {
      return await answer;
    } finally {
      clearTimeout(timer);
    }
  }
}
