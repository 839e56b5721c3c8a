import * as tf from '@tensorflow/tfjs';
import type { Tensor } from '@tensorflow/tfjs';
import { keyedRng, tensorFrom, type Engine, type Param, type TraceRng } from '@tessera/engine';
import { createEngine, type TargetName } from '@tessera/targets';
import { initialValues, type Space, type SpaceShape, type Weights } from '@tessera/core';

/** An engine and fresh weights for one check. */
export interface Bench {
  readonly engine: Engine;
  readonly weights: Weights;
  /** Trained parameters that the part asked for. */
  readonly params: readonly Param[];
}

export interface BenchSpec {
  readonly target: TargetName;
  /** Of fresh weights. */
  readonly seed: number;
}

/** Gives a check what a part is built from, and clears it away. */
export async function withBench<T>({ target, seed }: BenchSpec, run: (bench: Bench) => Promise<T>): Promise<T> {
  const engine = createEngine({ target, threads: 1 });
  const params = new Map<string, Param & { readonly trained: boolean }>();
  const weights: Weights = {
    has: (name) => params.has(name),
    param: (name, shape, { init, decay, trainable = true }) => {
      const known = params.get(name);
      if (known) return known.variable;
      const size = shape.reduce((product, one) => product * one, 1);
      const values = tensorFrom(initialValues(init, name, { size, seed }), [...shape]);
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

/** How far weights are shaken: far enough that whatever starts at zero is seen. */
const SHAKEN = 0.3;

/** Layers that start at zero hide what flows through them: every weight is moved before anything is compared. */
export function shake({ params }: Bench, seed: number): void {
  for (const { name, variable } of params) {
    const shaken = tf.tidy(() => tf.add(variable, tf.mul(numbers(`shaken.${name}`, variable.shape, seed), SHAKEN)));
    variable.assign(shaken);
    shaken.dispose();
  }
}

/** Numbers of all trained parameters, by name. */
export type BenchValues = ReadonlyMap<string, Float32Array>;

export async function valuesOf({ params }: Bench): Promise<BenchValues> {
  const values = new Map<string, Float32Array>();
  for (const { name, variable } of params) values.set(name, Float32Array.from(await variable.data()));
  return values;
}

/** Gives the parameters these numbers. */
export function load({ params }: Bench, values: BenchValues): void {
  for (const { name, variable } of params) {
    const loaded = tensorFrom(values.get(name)!.slice(), [...variable.shape]);
    variable.assign(loaded);
    loaded.dispose();
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
