import { describe, expect, it } from 'vitest';
import { TesseraError } from '@tessera/errors';
import { inferPatchNums, patchNumsOf, tokensOf } from './patch-nums.ts';

describe('scales from token counts', () => {
  it.each(Object.values(patchNumsOf))('finds published scales %j', (...sides) => {
    expect(inferPatchNums({ length: tokensOf(sides), scales: sides.length, first: 1 }, 'test')).toEqual(sides);
  });

  it('counts the published tokens', () => {
    expect(Object.values(patchNumsOf).map(tokensOf)).toEqual([680, 2240, 9451]);
  });

  it('finds the only answer', () => {
    expect(inferPatchNums({ length: 21, scales: 3, first: 1 }, 'test')).toEqual([1, 2, 4]);
    expect(inferPatchNums({ length: 16, scales: 1, first: 16 }, 'test')).toEqual([4]);
  });

  it.each([
    [{ length: 86, scales: 3, first: 1 }, 'patch-nums-ambiguous'], // 1 2 9 or 1 6 7
    [{ length: 22, scales: 3, first: 1 }, 'patch-nums-impossible'],
    [{ length: 21, scales: 3, first: 2 }, 'patch-nums-impossible'],
  ])('refuses %j as %s', (counts, code) => {
    try {
      inferPatchNums(counts, 'test');
    } catch (error) {
      expect((error as TesseraError).code).toBe(code);
      return;
    }
    throw new Error('was accepted');
  });
});
