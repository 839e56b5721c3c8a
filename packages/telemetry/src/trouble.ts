import { isTesseraError } from '@tessera/errors';
import { log } from './log.ts';

/** Trouble of work that is tried again and again: a line when it begins, and one when it is over. */
export interface Trouble {
  failed(error: unknown): void;
  worked(): void;
}

export function troubleOf(failing: string, over: string): Trouble {
  let failed = false;
  return {
    failed(error) {
      if (failed) return;
      failed = true;
      if (isTesseraError(error)) log.warn({ code: error.code }, `${failing}: ${error.message}`);
      else log.warn({ err: error }, failing);
    },
    worked() {
      if (failed) log.warn(over);
      failed = false;
    },
  };
}
