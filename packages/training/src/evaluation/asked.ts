import { classOf, type Condition, type ConditionSpace } from '@tessera/core';
import { TesseraError } from '@tessera/errors';
import { conditionsOf } from '../data/conditions.ts';
import type { DataSet } from '../data/data-set.ts';

/** Images to ask of a model, and what they are then to show. */
export interface Asked {
  readonly conditions: readonly Condition[];
  /** -1 where no class is known. */
  readonly label_N: Int32Array;
  /** Members of the test split whose inputs they are; null where classes are asked for. */
  readonly member_N: Int32Array | null;
}

/**
 * So many images that a model is measured on: of classes 0, 1, 2 ... in turn, so that the counts of any two differ by at most one;
 * else with the inputs of the test images, from the first on, which no training has seen.
 * @throws TesseraError `inputs-missing` where inputs are needed, and no data gives them
 */
export function askedOf(
  space: Pick<ConditionSpace, 'name' | 'classes'>,
  data: Pick<DataSet, 'test'> | null,
  count: number,
): Asked {
  const { classes } = space;
  if (classes !== null) {
    const label_N = Int32Array.from({ length: count }, (_, n) => n % classes);
    return { conditions: Array.from(label_N, classOf), label_N, member_N: null };
  }
  const { test } = data ?? {};
  if (!test?.inputs || test.count === 0) {
    throw new TesseraError({
      code: 'inputs-missing',
      who: space.name,
      got: 'no test images that say what to draw',
      expected: `what ${space.name} reads, for each of them`,
      next: 'Compare with a recipe whose data has an input (data.input), and hold test images out.',
    });
  }
  const member_N = Int32Array.from({ length: count }, (_, n) => n % test.count);
  const conditions = conditionsOf(test, space, { members: member_N });
  return { conditions, label_N: member_N.map((member) => test.label_N[member]!), member_N };
}
