import { permutation } from './permutation.ts';

/** Members of each split, ascending. */
export interface HeldOut {
  readonly train: Int32Array;
  readonly validation: Int32Array;
  readonly test: Int32Array;
}

/** Cuts 0..count-1 at random into a training part and the two held-out parts. The same seed gives the same cut. */
export function holdOut(
  count: number,
  { validation, test, seed }: { validation: number; test: number; seed: number },
): HeldOut {
  const shuffled = permutation(count, { seed, epoch: -1 });
  return {
    validation: shuffled.slice(0, validation).sort(),
    test: shuffled.slice(validation, validation + test).sort(),
    train: shuffled.slice(validation + test).sort(),
  };
}
