import { permutation } from './permutation.ts';

/** Members of each split, ascending. */
export interface HeldOut {
  readonly train: Int32Array;
  readonly validation: Int32Array;
  readonly test: Int32Array;
}

/**
 * Cuts 0..count-1 at random into a training part, of at most `limit` members where that is not 0, and the two held-out
 * parts. The same seed gives the same cut.
 */
export function holdOut(
  count: number,
  { validation, test, seed, limit = 0 }: { validation: number; test: number; seed: number; limit?: number | undefined },
): HeldOut {
  const shuffled = permutation(count, { seed, epoch: -1 });
  return {
    validation: shuffled.slice(0, validation).sort(),
    test: shuffled.slice(validation, validation + test).sort(),
    train: shuffled.slice(validation + test, limit > 0 ? validation + test + limit : undefined).sort(),
  };
}
