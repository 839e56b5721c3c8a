import * as tf from '@tensorflow/tfjs';
import { TesseraError } from '@tessera/errors';
import type { PartCall } from './part-call.ts';

/** Times in a row that a call must leave tensors behind: one alone may have compiled a program. */
const SURE = 2;

/**
 * Counts the tensors that a part leaves behind, where nobody else makes any meanwhile.
 * @throws TesseraError `part-leaks` from the second call on
 */
export class LeakWatch {
  readonly #part: PartCall;
  #calls = 0;
  #row = 0;

  constructor(part: PartCall) {
    this.#part = part;
  }

  /** After every whole use of the part: how many tensors were left over. */
  note(left: number): void {
    this.#calls++;
    this.#row = left > 0 && this.#calls > 1 ? this.#row + 1 : 0;
    if (this.#row < SURE) return;
    const { name, call } = this.#part;
    throw new TesseraError({
      code: 'part-leaks',
      who: name,
      got: `${left} tensors left behind by ${call}, again and again`,
      expected: 'none but those it answers with',
      next: `Use tf.tidy or dispose in ${call} of ${name}, or exchange the part: memory would run out.`,
    });
  }
}

/** Tensors in memory now. */
export function tensorCount(): number {
  return tf.memory().numTensors;
}
