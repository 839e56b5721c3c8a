import * as tf from '@tensorflow/tfjs';
import type { Tensor, Tensor3D } from '@tensorflow/tfjs';
import { beforeAll, describe, expect, it } from 'vitest';
import { attend, maskOf, spansOf } from './attention.ts';
import type { BlockParams } from './params.ts';

beforeAll(() => tf.setBackend('cpu'));

/** The group of each token, for groups of these sizes. */
const groupsOf = (sizes: readonly number[]) => sizes.flatMap((size, group) => new Array<number>(size).fill(group));

const [D, HEADS] = [8, 2];
const random = (shape: number[], seed: number) => tf.randomNormal(shape, 0, 1, 'float32', seed);

function paramsOf(hasScale: boolean): BlockParams {
  const vector = (seed: number) => random([D], seed);
  return {
    qkv_OI: random([3 * D, D], 1),
    qBias_D: vector(2),
    vBias_D: vector(3),
    scaleMul: hasScale ? random([1, HEADS, 1, 1], 4) : null,
    proj: { weight_OI: random([D, D], 5), bias_O: vector(6) },
  } as unknown as BlockParams;
}

describe('attention in spans', () => {
  it('gives every large group its own span, and small ones beside each other one with a mask', () => {
    const spans = spansOf(groupsOf([1, 4, 9, 64, 100, 3, 2]));
    expect(spans.map(({ start, end }) => [start, end])).toEqual([
      [0, 14],
      [14, 78],
      [78, 178],
      [178, 183],
    ]);
    expect(spans.map(({ bias }) => bias?.shape ?? null)).toEqual([[1, 1, 14, 14], null, null, [1, 1, 5, 183]]);
  });

  it.each([
    ['with normalised queries', true, [1, 4, 9, 64]],
    ['with plain queries', false, [2, 70, 3, 5]],
    ['of one group', true, [5]],
  ])('is what the mask gives, and so are its gradients: %s', (_, hasScale, sizes) => {
    const group = groupsOf(sizes);
    const params = paramsOf(hasScale);
    const x_RlD = random([2, group.length, D], 7) as Tensor3D;
    const weight = random([2, group.length, D], 8);
    const withSight = (sight: { bias: Tensor | null; spans?: ReturnType<typeof spansOf> }) => {
      const run = (x: Tensor3D) => attend(params, { x_RlD: x, heads: HEADS, past: null, ...sight }).x_RlD;
      const gradient = tf.grad((x) => tf.sum(tf.mul(run(x as Tensor3D), weight)))(x_RlD);
      return [run(x_RlD), gradient].map((tensor) => Array.from(tensor.dataSync()));
    };
    const masked = withSight({ bias: maskOf(group) });
    const spanned = withSight({ bias: null, spans: spansOf(group) });
    for (const [i, values] of masked.entries()) {
      const furthest = values.reduce((most, value, at) => Math.max(most, Math.abs(value - spanned[i]![at]!)), 0);
      expect(furthest).toBeLessThan(1e-4);
      expect(values.some((value) => Math.abs(value) > 0.1)).toBe(true);
    }
  });
});
