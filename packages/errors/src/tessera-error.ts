import { printable } from './printable.ts';

/** The parts of one clear sentence. `code` is stable and may be matched; the words may change. */
export interface ErrorParts {
  /** Stable, kebab-case: `label-out-of-range`. */
  readonly code: string;
  /** Who complains: a package, a plug-in, a command or a file. */
  readonly who: string;
  /** What was found: `label 12`. */
  readonly got: string;
  /** What would have been right: `a label from 0 to 9`. */
  readonly expected: string;
  /** What to do now, as an imperative: `Choose a label of this model.` */
  readonly next?: string;
  readonly cause?: unknown;
}

/**
 * The only error class that Tessera throws on purpose. Anything else that surfaces is a bug. Its parts quote files,
 * arguments and the errors of others: they are made printable here, on one line and of bounded length.
 */
export class TesseraError extends Error {
  readonly code: string;
  // Private, so that printing an error does not say everything twice.
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

  /** What its sentence was made of, for whoever says it again in another place. */
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

/** True also for an error of another copy of this package, as after `structuredClone` or a second install. */
export function isTesseraError(error: unknown): error is TesseraError {
  return error instanceof Error && error.name === 'TesseraError' && typeof (error as TesseraError).code === 'string';
}
