import type { Layout } from '@tessera/core';
import { varSchedules } from '@tessera/goldens';
import { describe, expect, it } from 'vitest';
import { vqConfig, vqLayout } from './config.ts';
import { keepMask } from './keep-mask.ts';

function layoutOf(patch_nums: readonly number[]): Layout {
  return vqLayout(vqConfig.parse({ V: 2, Cvae: 1, ch: 32, patch_nums }, 'test'));
}

describe('keepMask', () => {
  it.each(varSchedules().edit_mask)(
    'equals the official masks of $patch_nums',
    ({ patch_nums, mask, keep_per_scale }) => {
      expect([...keepMask(layoutOf(patch_nums), Uint8Array.from(mask))]).toEqual(keep_per_scale.flat());
    },
  );

  it('keeps the single token of the first scale even where nothing else stays', () => {
    const keep = keepMask(layoutOf([1, 2, 4]), new Uint8Array(16));
    expect([...keep]).toEqual([1, ...new Array(20).fill(0)]);
  });

  it('refuses a mask of another size', () => {
    expect(() => keepMask(layoutOf([1, 2]), new Uint8Array(5))).toThrow('expected 2 x 2 entries');
  });
});
