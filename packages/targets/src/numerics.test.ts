import * as tf from '@tensorflow/tfjs';
import type { Tensor, Tensor1D, Tensor4D } from '@tensorflow/tfjs';
import { afterAll, describe, expect, it } from 'vitest';
import { type EngineOptions, createEngine } from './targets.ts';
import { bools, floats, numbers, numbersOf } from '../fixtures/compare.ts';
import { isTensorFlowHere } from '../fixtures/tensorflow-here.ts';

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

const SIZES = [
  ...[1e-30, 1e-20, 1e-10, 1e-8, 6e-8, 1.2e-7, 1e-6, 1e-5, 1e-4, 1e-3, 0.01, 0.1, 0.3, 0.5, 0.7, 1, 1.5, 2, 3, 5, 8],
  ...[9, 10, 12, 15, 17, 18, 20, 25, 30, 50, 80, 87, 89, 100, 1e4, 1e8, 1e38, Infinity],
];
const NUMBERS = [0, -0, ...SIZES, ...SIZES.map((size) => -size)].map(Math.fround);

/** Rounding of float32 and of each runtime's polynomials, relative; subnormal results may be 0. */
const CLOSE = { relative: 5e-7, absolute: 1.2e-38 };
/** ONNX Runtime's polynomial adds to 1/2: what lies below the rounding of 1/2 is lost, and from -18 on it gives 0. */
const SIGMOID_ON_ONNX = { relative: 5e-7, absolute: 1e-7 };
/** tfjs-cpu takes 1 from exp(x) in float64. */
const ELU_ON_EAGER = { relative: 5e-7, absolute: 1e-16 };

const awkwardUnary: Readonly<Record<string, (x: number) => number>> = {
  expm1: Math.expm1,
  log1p: Math.log1p,
  tanh: Math.tanh,
  exp: Math.exp,
  elu: (x) => (x > 0 ? x : Math.expm1(x)),
  softplus: (x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x))),
  sigmoid: (x) => (x < 0 ? Math.exp(x) / (1 + Math.exp(x)) : 1 / (1 + Math.exp(-x))),
};

const all: readonly (readonly [string, EngineOptions, isHere: boolean])[] = [
  ['eager', { target: 'eager' }, true],
  ['onnx', { target: 'onnx', threads: 1 }, true],
  ['TensorFlow graphs', { target: 'tensorflow', threads: 1, xla: 'never' }, isTensorFlowHere],
  ['XLA', { target: 'tensorflow', threads: 1, xla: 'always' }, isTensorFlowHere],
  ['plain tfjs on TensorFlow', { target: 'tensorflow-eager', threads: 1 }, isTensorFlowHere],
];

/** Arguments whose result is further from float64 than that; equal infinities and NaN are as they should be. */
function off(
  computed: ArrayLike<number>,
  expected: readonly number[],
  { relative, absolute }: { readonly relative: number; readonly absolute: number },
): string[] {
  return expected.flatMap((exact, i) => {
    const [found, wanted] = [computed[i]!, Math.fround(exact)];
    const isSame = Object.is(found, wanted) || found === wanted;
    const isNear = Math.abs(found - wanted) <= absolute + relative * Math.abs(wanted);
    return isSame || isNear ? [] : [`number ${i} is ${found}; expected ${wanted}`];
  });
}

describe.each(all.filter(([, , isHere]) => isHere))('on %s', (name, options) => {
  const engine = createEngine(options);
  afterAll(() => engine.dispose());

  async function run(fn: (...args: Tensor[]) => Tensor, ...args: Tensor[]): Promise<Float32Array> {
    const program = engine.compile(fn, { name: 'awkward' });
    const result = await program(...args);
    const data = await result.data<'float32'>();
    tf.dispose([result, ...args]);
    program.dispose();
    return data;
  }

  it.each(Object.entries(awkwardUnary))('%s is float64 rounded', async (op, exact) => {
    const kernel = (tf as unknown as Readonly<Record<string, (x: Tensor) => Tensor>>)[op]!;
    const tolerances: Readonly<Record<string, typeof CLOSE>> = {
      'onnx sigmoid': SIGMOID_ON_ONNX,
      'eager elu': ELU_ON_EAGER,
    };
    const computed = await run(kernel, tf.tensor1d(NUMBERS));
    expect(off(computed, NUMBERS.map(exact), tolerances[`${name} ${op}`] ?? CLOSE)).toEqual([]);
  });

  it('the remainder of a large quotient is exact, and on the divisor’s side', async () => {
    const pairs = [5.5, -5.5, 1e6, -1e6, 123456.7, 1e20, 0, -0.25].flatMap((a) =>
      [0.3, -0.3, 7, -7].map((b) => [Math.fround(a), Math.fround(b)] as const),
    );
    const exact = pairs.map(([a, b]) => {
      const rest = a % b;
      return rest !== 0 && rest < 0 !== b < 0 ? rest + b : rest;
    });
    const [a, b] = [tf.tensor1d(pairs.map(([first]) => first)), tf.tensor1d(pairs.map(([, second]) => second))];
    expect(off(await run((x, y) => tf.mod(x!, y!), a, b), exact, CLOSE)).toEqual([]);
  });

  it('sums of exponentials neither overflow nor vanish', async () => {
    const rows = [
      [1000, 1000],
      [-1000, -1000],
      [0, -100],
      [88, 89],
      [-1e30, 1e30],
    ];
    const exact = rows.map(([a, b]) => {
      const [low, high] = [Math.min(a!, b!), Math.max(a!, b!)];
      return high + Math.log1p(Math.exp(low - high));
    });
    const given = () => tf.tensor2d(rows);
    expect(off(await run((x) => tf.logSumExp(x!, 1), given()), exact, CLOSE)).toEqual([]);
    const logs = rows.flatMap((row, i) => row.map((value) => value - exact[i]!));
    expect(off(await run((x) => tf.logSoftmax(x!), given()), logs, CLOSE)).toEqual([]);
    const shares = logs.map(Math.exp);
    expect(off(await run((x) => tf.softmax(x!), given()), shares, CLOSE)).toEqual([]);
  });
});
