import * as tf from '@tensorflow/tfjs';
import type { Tensor, Tensor1D, Tensor4D } from '@tensorflow/tfjs';
import { afterAll, describe, expect, it } from 'vitest';
import { createEngine } from './targets.ts';
import { bools, floats, numbers, numbersOf } from '../fixtures/compare.ts';

const engine = createEngine({ target: 'onnx', threads: 1 });

type Fn = (...args: Tensor[]) => Tensor;
type Case = readonly [name: string, fn: (...args: never[]) => Tensor, ...args: Tensor[]];

const x = floats([2, 3, 4]);
const y = floats([2, 3, 4], 7);
const row = floats([4], 9);
const positive = tf.add(tf.abs(x), 0.5);
const image = floats([2, 5, 6, 3]);
const even = floats([2, 4, 6, 3]);
const k33 = floats([3, 3, 3, 4], 2);
const k23 = floats([2, 3, 3, 4], 2);

const conv = (stride: number | [number, number], pad: 'same' | 'valid' | number, dilation = 1) => {
  return (a: Tensor4D, k: Tensor4D) => tf.conv2d(a, k, stride, pad, 'NHWC', dilation);
};
const UNARY = 'abs cos elu erf exp expm1 neg relu sigmoid sin softplus square tanh leakyRelu softmax logSoftmax';
const unary = (name: string) => (tf as unknown as Record<string, (x: Tensor) => Tensor>)[name]!;
const index = tf.tensor1d([2, 0, 2, 2], 'int32');

const cases: Case[] = [
  ...UNARY.split(' ').map((name): Case => [name, unary(name), x]),
  ...'log log1p sqrt rsqrt reciprocal'.split(' ').map((name): Case => [name, unary(name), positive]),
  ['add, broadcast', (a: Tensor, d: Tensor) => tf.add(a, d), x, row],
  ['sub, broadcast', (a: Tensor, d: Tensor) => tf.sub(d, a), x, row],
  ['mul, broadcast', (a: Tensor, d: Tensor) => tf.mul(a, d), x, row],
  ['div', (a: Tensor, d: Tensor) => tf.div(a, d), x, positive],
  ['pow', (a: Tensor, d: Tensor) => tf.pow(a, d), positive, y],
  ['maximum and minimum', (a: Tensor, d: Tensor) => tf.minimum(tf.maximum(a, d), 0.31), x, y],
  ['squaredDifference', (a: Tensor, d: Tensor) => tf.squaredDifference(a, d), x, y],
  ['prelu', (a: Tensor, d: Tensor) => tf.prelu(a, d), x, row],
  ['clip', (a: Tensor) => tf.clipByValue(a, -0.4, 0.6), x],
  ['where', (a: Tensor, d: Tensor) => tf.where(bools([2, 3, 4]), a, d), x, y],
  ['sum, mean and max', (a: Tensor) => tf.concat([tf.sum(a, 1), tf.mean(a, 1), tf.max(a, 1)], 0), x],
  ['cumsum', (a: Tensor) => tf.cumsum(a, 2, true, true), x],
  ['reshape and transpose', (a: Tensor) => tf.transpose(tf.reshape(a, [4, 6])), x],
  ['slice', (a: Tensor) => tf.slice(a, [0, 1, 2], [2, 2, 1]), x],
  ['pad', (a: Tensor) => tf.pad(a, [[0, 1], [2, 0], [1, 1]]), x], // prettier-ignore
  ['tile', (a: Tensor) => tf.tile(a, [1, 2, 3]), x],
  ['broadcastTo', (a: Tensor) => tf.broadcastTo(a, [3, 4]), row],
  ['concat and split', (a: Tensor, d: Tensor) => tf.split(tf.concat([a, d], 1), [1, 5], 1)[1]!, x, y],
  ['stack and unstack', (a: Tensor, d: Tensor) => tf.unstack(tf.stack([a, d], 1), 2)[1]!, x, y],
  ['reverse', (a: Tensor) => tf.mul(tf.reverse(a, 1), a), x],
  ['gather', (a: Tensor) => tf.gather(a, index, 1), x],
  ['gather of a table', (a: Tensor) => tf.gather(a, index), floats([3, 5])],
  ['unsortedSegmentSum', (a: Tensor) => tf.unsortedSegmentSum(a, index as Tensor1D, 3), floats([4, 2])],
  ['matMul', (a: Tensor, d: Tensor) => tf.matMul(a, d), x, floats([2, 4, 5])],
  ['matMul, left transposed', (a: Tensor, d: Tensor) => tf.matMul(a, d, true), x, floats([2, 3, 5])],
  ['matMul, right transposed', (a: Tensor, d: Tensor) => tf.matMul(a, d, false, true), x, y],
  ['matMul, both transposed', (a: Tensor, d: Tensor) => tf.matMul(a, d, true, true), x, floats([2, 5, 3])],
  ['conv2d, same', conv(1, 'same'), image, k33],
  ['conv2d, valid', conv(1, 'valid'), image, k23],
  ['conv2d, stride 2', conv(2, 'same'), image, k33],
  ['conv2d, stride 2, rest', conv(2, 'valid'), even, k33],
  ['conv2d, stride 2 x 1', conv([2, 1], 'valid'), image, k23],
  ['conv2d, 1 x 1', conv(1, 'valid'), image, floats([1, 1, 3, 2])],
  ['conv2d, 1 x 1, stride 2', conv(2, 'valid'), image, floats([1, 1, 3, 2])],
  ['conv2d, one sided pads', (a: Tensor4D, k: Tensor4D) => tf.conv2d(a, k, 2, [[0, 0], [0, 1], [0, 1], [0, 0]]), even, k33], // prettier-ignore
  ['avgPool', (a: Tensor4D) => tf.avgPool(a, 2, 2, 'valid'), even],
  ['maxPool', (a: Tensor4D) => tf.maxPool(a, 2, 2, 'valid'), even],
  ['resizeNearestNeighbor', (a: Tensor4D) => tf.image.resizeNearestNeighbor(a, [10, 18]), image],
];

/** Slope of `sum(weights * fn(args))` along `directions`, in double precision but for the kernels themselves. */
async function slopeByDifferences(fn: Fn, args: readonly Tensor[], directions: readonly Tensor[]): Promise<number> {
  const program = engine.compile((...moved: Tensor[]) => fn(...moved), { name: 'forward' });
  const step = 2 ** -9;
  const at = async (distance: number) => {
    const moved = args.map((arg, i) => tf.add(arg, tf.mul(directions[i]!, distance)));
    const { data } = (await numbersOf(program(...moved)))[0]!;
    tf.dispose(moved);
    const weights = numbers(data.length, 99);
    return data.reduce((sum, value, i) => sum + value * weights[i]!, 0);
  };
  const [after, before] = [await at(step), await at(-step)];
  program.dispose();
  return (after - before) / (2 * step);
}

async function slopeByGradient(fn: Fn, args: readonly Tensor[], directions: readonly Tensor[]): Promise<number> {
  const gradients = (...given: Tensor[]) => {
    return tf.grads((...inputs: Tensor[]) => {
      const result = fn(...inputs);
      const weights = tf.tensor(numbers(result.size, 99), result.shape);
      return tf.sum(tf.mul(result, weights));
    })(given);
  };
  const program = engine.compile(gradients, { name: 'gradient' });
  const results = await numbersOf(program(...args));
  program.dispose();
  return results.reduce((total, { data }, i) => {
    const direction = directions[i]!.dataSync();
    return total + data.reduce((sum, value, j) => sum + value * direction[j]!, 0);
  }, 0);
}

describe('gradients of kernels agree with finite differences', () => {
  it.each(cases.map(([name, fn, ...args]) => ({ name, fn: fn as Fn, args })))('$name', async ({ fn, args }) => {
    for (const seed of [11, 12]) {
      const directions = args.map((arg, i) => floats(arg.shape, seed + 10 * i));
      const [ours, expected] = [
        await slopeByGradient(fn, args, directions),
        await slopeByDifferences(fn, args, directions),
      ];
      expect(Math.abs(ours - expected)).toBeLessThan(2e-3 * (1 + Math.abs(expected)));
      tf.dispose(directions);
    }
  });
});

afterAll(() => engine.dispose());
