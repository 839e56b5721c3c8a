import * as tf from '@tensorflow/tfjs';
import type { Tensor2D, Tensor3D } from '@tensorflow/tfjs';
import { beforeAll, describe, expect, it } from 'vitest';
import { evenLevels, levelsOf, spaceFor, type FactorSpace } from './factors.ts';

beforeAll(() => tf.setBackend('cpu'));

const space: FactorSpace = {
  kind: 'factors',
  channels: 3,
  factors: [
    { levels: 2, channels: 1 },
    { levels: 3, channels: 2 },
  ],
  codebooks: [
    tf.tensor2d([[-1], [1]]),
    tf.tensor2d([
      [0, 0],
      [0, 1],
      [2, 1],
    ]),
  ],
};

describe('levelsOf', () => {
  it('finds the entry of each factor, and of other values the nearest', async () => {
    const values = tf.tensor3d([
      [
        [1, 2, 1],
        [-1, 0, 0],
      ],
      [
        [-1, 0, 1],
        [0.2, 0.1, 0.7],
      ],
    ]);
    const levels = levelsOf(values, space);
    expect([levels.shape, levels.dtype]).toEqual([[2, 2, 2], 'int32']);
    expect(await levels.array()).toEqual([
      [
        [1, 2],
        [0, 0],
      ],
      [
        [0, 1],
        [1, 1],
      ],
    ]);
  });

  it('takes a space of one factor', async () => {
    const one: FactorSpace = {
      kind: 'factors',
      channels: 2,
      factors: [space.factors[1]!],
      codebooks: [space.codebooks[1]!],
    };
    expect(await levelsOf(tf.tensor3d([[[2, 1]]]) as Tensor3D, one).array()).toEqual([[[2]]]);
  });
});

it.each([2, 3, 4, 9])('%d even levels have the mean 0 and the deviation 1', (count) => {
  const levels = [...evenLevels(count)];
  const mean = levels.reduce((sum, one) => sum + one, 0) / count;
  const square = levels.reduce((sum, one) => sum + one * one, 0) / count;
  expect([mean, square]).toEqual([expect.closeTo(0, 6), expect.closeTo(1, 6)]);
  const steps = levels.slice(1).map((one, i) => one - levels[i]!);
  for (const step of steps) expect(step).toBeCloseTo(steps[0]!, 5);
});

describe('spaceFor', () => {
  const codes = { kind: 'discrete', channels: 1, vocabulary: 3 } as const;

  it('shows factors to those that know them', () => {
    expect(spaceFor({ space: 'factors' }, space)).toBe(space);
    expect(spaceFor({ contract: 2 }, space)).toBe(space);
    const continuous = { kind: 'continuous', channels: 3 };
    expect([spaceFor({ space: 'continuous' }, space), spaceFor({ contract: 1 }, space)]).toEqual([
      continuous,
      continuous,
    ]);
  });

  it('leaves other tokens as they are', () => {
    expect(spaceFor({ contract: 1 }, codes)).toBe(codes);
    const built = { ...codes, codebook_VC: tf.zeros([3, 1]) as Tensor2D };
    expect(spaceFor({ space: 'continuous' }, built)).toBe(built);
  });
});
