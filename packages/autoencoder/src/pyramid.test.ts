import { varSchedules } from '@tessera/goldens';
import { describe, expect, it } from 'vitest';
import { layoutOf, scaleSizes } from '@tessera/core';
import { keepMask } from './pyramid.ts';

const scaleLayout = (sides: readonly number[]) =>
  layoutOf(scaleSizes(sides, { height: sides.at(-1)!, width: sides.at(-1)! }));

describe('keepMask', () => {
  it.each(varSchedules().edit_mask)(
    'equals the official masks of $patch_nums',
    ({ patch_nums, mask, keep_per_scale }) => {
      expect([...keepMask(scaleLayout(patch_nums), Uint8Array.from(mask), 'test')]).toEqual(keep_per_scale.flat());
    },
  );

  it('keeps the single token of the first scale even where nothing else stays', () => {
    const keep = keepMask(scaleLayout([1, 2, 4]), new Uint8Array(16), 'test');
    expect([...keep]).toEqual([1, ...new Array(20).fill(0)]);
  });

  it('refuses a mask of another size', () => {
    expect(() => keepMask(scaleLayout([1, 2]), new Uint8Array(5), 'test')).toThrow('expected 2 x 2 entries');
  });
});
