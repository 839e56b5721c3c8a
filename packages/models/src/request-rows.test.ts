import { describe, expect, it } from 'vitest';
import { isTesseraError } from '@tessera/errors';
import { rowsOf } from './request-rows.ts';
import { classOf } from '@tessera/core';

const model = { who: 'digits', classes: 10 };

function codeOf(labels: readonly number[], seed: number): string {
  try {
    rowsOf({ labels, seed }, model);
  } catch (error) {
    if (isTesseraError(error)) return error.code;
    throw error;
  }
  return 'accepted';
}

describe('rows of a request', () => {
  it('gives image i the seed + i', () => {
    expect(rowsOf({ labels: [3, -1, 9], seed: 5 }, model)).toEqual([
      { seed: 5, condition: classOf(3) },
      { seed: 6, condition: classOf(-1) },
      { seed: 7, condition: classOf(9) },
    ]);
  });

  it.each([
    [[], 0, 'labels-empty'],
    [[10], 0, 'label-out-of-range'],
    [[-2], 0, 'label-out-of-range'],
    [[0.5], 0, 'label-out-of-range'],
    [[NaN], 0, 'label-out-of-range'],
    [[0], -1, 'seed-out-of-range'],
    [[0], 0.5, 'seed-out-of-range'],
    [[0], NaN, 'seed-out-of-range'],
    [[0], Number.MAX_SAFE_INTEGER, 'accepted'],
    [[0, 1], Number.MAX_SAFE_INTEGER, 'seed-out-of-range'],
  ])('labels %j with seed %d: %s', (labels, seed, code) => {
    expect(codeOf(labels, seed)).toBe(code);
  });
});
