import * as tf from '@tensorflow/tfjs';
import type { DataType, Tensor } from '@tensorflow/tfjs';
import { isTensor, type Hidden, type Kept, type Step } from '@tessera/core';
import { TesseraError } from '@tessera/errors';
import { wrongShape, type PartCall } from './part-call.ts';

/** A tensor that a part returns. */
interface TensorRule {
  /** `tokens.values_BlC` */
  readonly field: string;
  /** null: any size. */
  readonly shape: readonly (number | null)[];
  readonly dtype?: DataType;
}

/** @throws TesseraError `part-shape` */
export function checkTensor(part: PartCall, tensor: unknown, { field, shape, dtype = 'float32' }: TensorRule): void {
  const expected = `[${shape.map((size) => size ?? 'any').join(', ')}] ${dtype}`;
  if (!isTensor(tensor)) throw wrongShape(part, `no tensor ${field}`, expected);
  if (tensor.isDisposed) throw wrongShape(part, `${field}, already disposed`, 'a tensor of its own from every call');
  const found = tensor.shape;
  const fits = found.length === shape.length && shape.every((size, axis) => size === null || size === found[axis]);
  if (!fits || tensor.dtype !== dtype) {
    throw wrongShape(part, `${field} of [${found.join(', ')}] ${tensor.dtype}`, expected);
  }
}

/** The first number that is not finite or, with `below`, no index from 0 to `below` - 1; null if there is none. */
export async function findUseless(tensor: Tensor, below?: number): Promise<number | null> {
  const data = await tensor.data();
  for (let i = 0; i < data.length; i++) {
    const value = data[i]!;
    if (below === undefined ? !Number.isFinite(value) : !(value >= 0 && value < below)) return value;
  }
  return null;
}

/*
 * Arrays that a part borrows are copied: one that writes into its argument changes no other part's data, and one that
 * writes into its own array later does not change what it returned.
 */

export function lentStep(step: Step): Step {
  const { positions_Bl, again_Ba, ...numbers } = step;
  return { ...numbers, positions_Bl: positions_Bl.slice(), ...(again_Ba && { again_Ba: again_Ba.slice() }) };
}

export function lentHidden(hidden: Hidden): Hidden {
  return { ...hidden, positions_Bl: hidden.positions_Bl.slice() };
}

export function lentKept(kept: Kept | null): Kept | null {
  return kept && { ...kept, keep_L: kept.keep_L.slice() };
}

/** How many calls in a row must leave tensors behind: a single one may have compiled a program. */
const SURE = 2;

/**
 * Counts the tensors that a part leaves behind, in a process where no other code makes any at the same time.
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
