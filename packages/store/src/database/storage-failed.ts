import { printable, TesseraError } from '@tessera/errors';

/** Error `storage-failed`: the database did not take or give something. What it is lies in its cause. */
export function storageFailed(cause?: unknown): TesseraError {
  return new TesseraError({
    code: 'storage-failed',
    who: 'store',
    got: 'an error of the database',
    expected: 'it to answer, and to have room',
    next: "Look at the server's output, then send it again.",
    ...(cause !== undefined && { cause }),
  });
}

/** PostgreSQL's code of an error, or that of the operating system; empty where it has none. */
export function codeOf(error: unknown): string {
  return String((error as { code?: unknown } | null)?.code ?? '');
}

/** Takes a line for the operator. */
export type Report = (line: string) => void;

/** What went wrong with a database: says why, once for each reason in a row. */
export class FailureLog {
  readonly #report: Report;
  #said: string | null = null;
  #last = -Infinity;

  constructor(report: Report) {
    this.#report = report;
  }

  /** The database could not be reached. */
  lost(): void {
    this.#last = performance.now();
  }

  say<E extends Error>(error: E): E {
    const { message } = (error.cause ?? error) as Error;
    if (message !== this.#said) this.#report(printable(`[store] storage failed: ${message}`));
    this.#said = message;
    return error;
  }

  worked(): void {
    this.#said = null;
  }

  /** Milliseconds since it could not be reached. */
  reachedFor(): number {
    return performance.now() - this.#last;
  }
}
