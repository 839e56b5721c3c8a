import { printable, printableLines } from './printable.ts';

/** The parts of one sentence. `code` is stable, so programs may compare it; the words may change. */
export interface ErrorParts {
  /** Stable, kebab-case: `label-out-of-range`. */
  readonly code: string;
  /** The source of the error: a package, a plug-in, a command or a file. */
  readonly who: string;
  /** What was found: `label 12`. */
  readonly got: string;
  /** What is valid: `a label from 0 to 9`. */
  readonly expected: string;
  /** What to do now, as an imperative: `Choose a label of this model.` */
  readonly next?: string;
  /** Seconds after which the same request may be taken. */
  readonly retryAfter?: number;
  /** Where in what was sent the fault lies: `['images', '2', 'condition']`. */
  readonly field?: readonly string[];
  readonly cause?: unknown;
}

/**
 * The only error class that Tessera throws on purpose; any other error is a bug. Its parts quote files, arguments and
 * errors of other programs, so the constructor makes them printable: one line, of limited length.
 */
export class TesseraError extends Error {
  readonly code: string;
  // Private: `util.inspect` would otherwise print everything twice.
  readonly #parts: ErrorParts;

  constructor(given: ErrorParts) {
    const parts = printableParts(given);
    const { code, who, got, expected, next, cause } = parts;
    const sentence = `[${who}] got ${got}; expected ${expected}.${next ? ` ${next}` : ''}`;
    super(sentence, cause === undefined ? undefined : { cause });
    this.name = 'TesseraError';
    this.code = code;
    this.#parts = parts;
  }

  /** The parts of its sentence, for code that reports it in another form. */
  get parts(): ErrorParts {
    return this.#parts;
  }
}

function printableParts({ who, got, expected, next, ...rest }: ErrorParts): ErrorParts {
  return {
    ...rest,
    who: printable(who),
    got: printable(got),
    expected: printable(expected),
    ...(next !== undefined && { next: printable(next) }),
  };
}

/** True also for errors of another copy of this package, as after a second install or from another process. */
export function isTesseraError(error: unknown): error is TesseraError {
  return error instanceof Error && error.name === 'TesseraError' && typeof (error as TesseraError).code === 'string';
}

/**
 * The stack of an error's deepest cause if the environment variable TESSERA_DEBUG is `1`, to find where it began. Null
 * otherwise, and for errors without a cause.
 */
export function causeStack(
  error: unknown,
  environment: Readonly<Record<string, string | undefined>> = process.env,
): string | null {
  if (environment['TESSERA_DEBUG'] !== '1' || !(error instanceof Error)) return null;
  let deepest: Error = error;
  while (deepest.cause instanceof Error) deepest = deepest.cause;
  return deepest === error || deepest.stack === undefined ? null : printableLines(deepest.stack);
}

/** One sentence for a rejected promise that a plug-in did not await. */
export function describeRejection(error: unknown): string {
  return `[plug-ins] got an unhandled error (${printable(String(error))}); expected every promise to be awaited.`;
}
