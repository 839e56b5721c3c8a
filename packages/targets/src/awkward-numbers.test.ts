import * as tf from '@tensorflow/tfjs';
import type { Tensor } from '@tensorflow/tfjs';
import { afterAll, describe, expect, it } from 'vitest';
import { createEngine, type EngineOptions } from './targets.ts';
import { isTensorFlowHere } from '../fixtures/tensorflow-here.ts';

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

const unary: Readonly<Record<string, (x: number) => number>> = {
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

  it.each(Object.entries(unary))('%s is float64 rounded', async (op, exact) => {
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
