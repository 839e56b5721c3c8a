import * as tf from '@tensorflow/tfjs';
import { describe, expect, it } from 'vitest';
import { shareNodes } from './graph.ts';
import { trace } from './trace.ts';

const inputs = [{ shape: [2, 3], dtype: 'float32' }] as const;
const kernelsOf = (fn: (x: tf.Tensor) => readonly tf.Tensor[]): readonly string[] =>
  shareNodes(trace((x) => fn(x!), { name: 'shared', inputs })).nodes.map(({ kernel }) => kernel);

describe('shareNodes', () => {
  it('keeps the first of equal computations, with equal constants too', () => {
    const twice = (x: tf.Tensor) => tf.mul(tf.exp(tf.add(x, 1)), tf.exp(tf.add(x, 1)));
    expect(kernelsOf((x) => [twice(x)])).toEqual(['Add', 'Exp', 'Multiply']);
  });

  it('keeps what differs in an attribute, an input or a constant', () => {
    expect(kernelsOf((x) => [tf.sum(x, 0), tf.sum(x, 1)])).toEqual(['Sum', 'Sum']);
    expect(kernelsOf((x) => [tf.sub(x, tf.exp(x)), tf.sub(tf.exp(x), x)])).toEqual(['Exp', 'Sub', 'Sub']);
    const limits = [tf.fill([2, 3], Infinity), tf.fill([2, 3], -Infinity), tf.fill([2, 3], NaN)];
    expect(kernelsOf((x) => limits.map((limit) => tf.add(x, limit)))).toHaveLength(3);
    tf.dispose(limits);
    expect(kernelsOf((x) => [tf.add(x, 0), tf.add(x, -0)])).toHaveLength(2);
  });

  it('gives results that are equal the same value', () => {
    const { outputs } = shareNodes(trace((x) => [tf.exp(x!), tf.exp(x!)], { name: 'shared', inputs }));
    expect(outputs[0]!.id).toBe(outputs[1]!.id);
  });
});
