import * as tf from '@tensorflow/tfjs';
import type { Tensor } from '@tensorflow/tfjs';
import { expect } from 'vitest';
import type { Engine, Tree } from '../engine.ts';
import { flatten } from '../program/tree.ts';

/** A repeatable stream of numbers in [-1, 1). */
export function numbers(count: number, seed = 1): Float32Array {
  let state = seed >>> 0;
  return Float32Array.from({ length: count }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 31 - 1;
  });
}

const sizeOf = (shape: readonly number[]) => shape.reduce((product, dim) => product * dim, 1);

/** Floats in [-1, 1). */
export function floats(shape: readonly number[], seed = 1): Tensor {
  return tf.tensor(numbers(sizeOf(shape), seed), [...shape]);
}

/** Integers from -8 to 7. */
export function ints(shape: readonly number[], seed = 1): Tensor {
  const values = numbers(sizeOf(shape), seed).map((x) => Math.floor(x * 8));
  return tf.tensor(Int32Array.from(values), [...shape], 'int32');
}

export function bools(shape: readonly number[], seed = 1): Tensor {
  const values = numbers(sizeOf(shape), seed).map((x) => (x > 0 ? 1 : 0));
  return tf.tensor(Uint8Array.from(values), [...shape], 'bool');
}

export interface Numbers {
  readonly shape: readonly number[];
  readonly dtype: string;
  readonly data: readonly number[];
}

/** The results as plain numbers; the tensors are disposed. */
export async function numbersOf(result: Promise<Tree> | Tree): Promise<Numbers[]> {
  const { tensors } = flatten(await result, 'test');
  return tensors.map((tensor) => {
    const { shape, dtype } = tensor;
    const data = [...tensor.dataSync()];
    tensor.dispose();
    return { shape, dtype, data };
  });
}

/** Both engines give the same shapes, types and, to `tolerance`, numbers. */
export async function expectSame(
  [engine, reference]: readonly [Engine, Engine],
  fn: (...args: Tensor[]) => Tree,
  { args, tolerance = 2e-5 }: { args: readonly Tensor[]; tolerance?: number },
): Promise<void> {
  const [program, eager] = [engine.compile(fn, { name: 'test' }), reference.compile(fn, { name: 'test' })];
  const [ours, theirs] = [await numbersOf(program(...args)), await numbersOf(eager(...args))];
  program.dispose();
  expect(ours.map(({ shape, dtype }) => ({ shape, dtype }))).toEqual(
    theirs.map(({ shape, dtype }) => ({ shape, dtype })),
  );
  ours.forEach(({ data }, i) => {
    data.forEach((x, j) => {
      const y = theirs[i]!.data[j]!;
      const isSame = Object.is(x, y) || Math.abs(x - y) <= tolerance * (1 + Math.abs(y));
      if (!isSame) expect.fail(`result ${i}, element ${j}: ${x}, but eager tfjs says ${y}`);
    });
  });
}
