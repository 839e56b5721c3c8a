import * as tf from '@tensorflow/tfjs';
import type { Tensor } from '@tensorflow/tfjs';
import {
  createEngine,
  keyedRng,
  tensorFrom,
  type Engine,
  type Param,
  type TargetName,
  type TraceRng,
} from '@tessera/engine';
import type { Weights } from '../contracts.ts';
import { initialValues } from '../initial-values.ts';
import type { Space, SpaceShape } from '../tokens.ts';

/** An engine and fresh weights for one check. */
export interface Bench {
  readonly engine: Engine;
  readonly weights: Weights;
  /** Trained parameters that the part asked for. */
  readonly params: readonly Param[];
}

/** Gives a check what a part is built from, and clears it away. */
export async function withBench<T>(target: TargetName, run: (bench: Bench) => Promise<T>): Promise<T> {
  const engine = createEngine({ target, threads: 1 });
  const params = new Map<string, Param & { readonly trained: boolean }>();
  const weights: Weights = {
    has: (name) => params.has(name),
    param: (name, shape, { init, decay, trainable = true }) => {
      const known = params.get(name);
      if (known) return known.variable;
      const size = shape.reduce((product, one) => product * one, 1);
      const values = tensorFrom(initialValues(init, name, { size, seed: 1 }), [...shape]);
      const variable = tf.variable(values, trainable);
      values.dispose();
      params.set(name, { name, variable, decay, trained: trainable });
      return variable;
    },
  };
  try {
    return await run({
      engine,
      weights,
      get params() {
        return [...params.values()].filter(({ trained }) => trained);
      },
    });
  } finally {
    engine.dispose();
    for (const { variable } of params.values()) variable.dispose();
  }
}

/** Reproducible normal numbers. */
export function numbers(stream: string, shape: readonly number[], seed = 1): Tensor {
  const size = shape.reduce((product, one) => product * one, 1);
  return tensorFrom(numbersOf(stream, size, seed), [...shape]);
}

export function numbersOf(stream: string, count: number, seed = 1): Float32Array {
  return keyedRng([seed]).normal({ row: 0, stream, step: 0, position: 0 }, count);
}

/** Random numbers for a part that is called outside of a program. */
export function plainRng(seed: number): TraceRng {
  const shaped = (draw: 'uniform' | 'normal') => (stream: string, shape: readonly number[]) => {
    const size = shape.reduce((product, one) => product * one, 1);
    return tensorFrom(keyedRng([seed])[draw]({ row: 0, stream, step: 0, position: 0 }, size), [...shape]);
  };
  return { uniform: shaped('uniform'), normal: shaped('normal') };
}

/** The space of a built tokenizer; the caller disposes its codebook. */
export function spaceOf(shape: SpaceShape): Space {
  if (shape.kind === 'continuous') return shape;
  const codebook_VC = numbers('codebook', [shape.vocabulary, shape.channels]) as tf.Tensor2D;
  return { ...shape, codebook_VC };
}

/** Numbers of a tensor, which is disposed. */
export async function take(tensor: Tensor): Promise<Float32Array> {
  const data = Float32Array.from(await tensor.data());
  tensor.dispose();
  return data;
}

/** The largest distance between two lists of numbers; infinite where their lengths or NaN differ. */
export function distance(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) return Infinity;
  const far = Array.from(a, (value, i) => (Number.isFinite(value) ? Math.abs(value - b[i]!) : Infinity));
  return Math.max(0, ...far.map((one) => (Number.isNaN(one) ? Infinity : one)));
}

/** Targets and batch sizes compute sums in other orders: distances up to this are rounding. */
export const rounding = 1e-3;

/** `distance` as the answer of a check. */
export function apart(what: string, a: ArrayLike<number>, b: ArrayLike<number>): string | null {
  const far = distance(a, b);
  return far <= rounding ? null : `${what} that are ${far.toPrecision(2)} apart`;
}
