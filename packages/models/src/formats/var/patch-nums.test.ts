import { describe, expect, it } from 'vitest';
import { TesseraError } from '@tessera/errors';
import { inferSides, patchNumsOf, tokensOf } from './patch-nums.ts';

describe('scales from token counts', () => {
  it.each(Object.values(patchNumsOf))('finds published scales %j', (...sides) => {
    const found = inferSides({ length: tokensOf(sides), scales: sides.length, first: 1 }, 'test');
    expect(found).toEqual({ sides, certain: false });
  });

  it('counts the published tokens', () => {
    expect(Object.values(patchNumsOf).map(tokensOf)).toEqual([680, 2240, 9451]);
  });

  it('finds the only answer', () => {
    expect(inferSides({ length: 21, scales: 3, first: 1 }, 'test')).toEqual({ sides: [1, 2, 4], certain: true });
    expect(inferSides({ length: 16, scales: 1, first: 16 }, 'test')).toEqual({ sides: [4], certain: true });
  });

  it.each([
    [{ length: 86, scales: 3, first: 1 }, 'patch-nums-ambiguous'], // 1 2 9 or 1 6 7
    [{ length: 142, scales: 5, first: 1 }, 'patch-nums-ambiguous'], // 1 2 3 8 8, 1 4 5 6 8 and more
    [{ length: 22, scales: 3, first: 1 }, 'patch-nums-impossible'],
    [{ length: 21, scales: 3, first: 2 }, 'patch-nums-impossible'],
  ])('refuses %j as %s', (counts, code) => {
    try {
      inferSides(counts, 'test');
    } catch (error) {
      expect((error as TesseraError).code).toBe(code);
      return;
    }
    throw new Error('was accepted');
  });
});
