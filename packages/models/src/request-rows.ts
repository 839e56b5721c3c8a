import type { Row } from '@tessera/core';
import { TesseraError } from '@tessera/errors';
import type { GenerateRequest } from './model.ts';
import { classOf } from '@tessera/core';

/**
 * One row per image: image i has seed + i.
 * @throws TesseraError labels-empty, label-out-of-range, seed-out-of-range
 */
export function rowsOf(
  { labels, seed }: Pick<GenerateRequest, 'labels' | 'seed'>,
  { who, classes }: { readonly who: string; readonly classes: number },
): readonly Row[] {
  if (labels.length === 0) {
    throw new TesseraError({
      code: 'labels-empty',
      who,
      got: 'no labels',
      expected: 'one label per image, at least one',
      next: 'Ask for at least one image.',
    });
  }
  const wrong = labels.find((label) => !Number.isInteger(label) || label < -1 || label >= classes);
  if (wrong !== undefined) {
    throw new TesseraError({
      code: 'label-out-of-range',
      who,
      got: `label ${wrong}`,
      expected: `a label from 0 to ${classes - 1}, or -1 for no class`,
      next: 'Choose a label of this model.',
    });
  }
  if (!Number.isSafeInteger(seed) || seed < 0 || seed > Number.MAX_SAFE_INTEGER - (labels.length - 1)) {
    throw new TesseraError({
      code: 'seed-out-of-range',
      who,
      got: `seed ${seed}`,
      expected: 'an integer from 0 to 2^53 - 1 for every image',
      next: 'Choose another seed.',
    });
  }
  return labels.map((label, index) => ({ seed: seed + index, condition: classOf(label) }));
}
