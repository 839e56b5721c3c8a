import * as tf from '@tensorflow/tfjs';
import type { Tensor } from '@tensorflow/tfjs';
import { initialValues, type Factor, type Space, type SpaceShape, type Weights } from '@tessera/core';
import { keyedRng, tensorFrom, type Engine, type Param, type TraceRng, type TrainStep } from '@tessera/engine';
import { createEngine, type TargetName } from '@tessera/targets';
import { watch, type WatchedEngine } from './watched-engine.ts';

/** An engine and fresh weights for one check. */
export interface Bench {
  readonly engine: Engine;
  readonly weights: Weights;
  /** Trained parameters that the part asked for. */
  readonly params: readonly Param[];
  /** What the part does with the engine. */
  readonly watched: WatchedEngine;
  /** Is called before the part is built: what there is already is not the part's. */
  begin(): void;
  /** What a part has left after its dispose(), besides the weights; null for nothing. */
  left(): string | null;
}

interface BenchSpec {
  readonly target: TargetName;
  /** Of fresh weights. */
  readonly seed: number;
}

/** Gives a check an engine and fresh weights, and disposes them. */
export async function withBench<T>({ target, seed }: BenchSpec, run: (bench: Bench) => Promise<T>): Promise<T> {
  const watched = watch(createEngine({ target, threads: 1 }));
  const { engine } = watched;
  let before = tf.memory().numTensors;
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
      watched,
      begin: () => {
        before = tf.memory().numTensors;
      },
      left: () => {
        const program = watched.alive().find((name) => !name.startsWith('conformance.'));
        if (program !== undefined)
          return `the program ${program} still there after dispose(), which must dispose what build() compiled`;
        const tensors = tf.memory().numTensors - before - params.size;
        return tensors > 0
          ? `${tensors} tensors still there after dispose(), which must dispose what build() made`
          : null;
      },
      get params() {
        return [...params.values()].filter(({ trained }) => trained);
      },
    });
  } finally {
    engine.dispose();
    for (const { variable } of params.values()) variable.dispose();
  }
}

/** Deviation of the noise on weights: large enough that layers which start at zero matter. */
const SHAKEN = 0.3;

/** Adds noise to every weight: layers that start at zero would hide what flows through them. */
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

/** The space of a built tokenizer; `disposeSpace` clears it away. */
export function spaceOf(shape: SpaceShape): Space {
  if (shape.kind === 'continuous') return shape;
  if (shape.kind === 'factors') {
    const book = ({ levels, channels }: Factor, f: number) =>
      numbers(`codebook.${f}`, [levels, channels]) as tf.Tensor2D;
    return { ...shape, codebooks: shape.factors.map(book) };
  }
  const codebook_VC = numbers('codebook', [shape.vocabulary, shape.channels]) as tf.Tensor2D;
  return { ...shape, codebook_VC };
}

/** Disposes the codebooks of a space. */
export function disposeSpace(space: Space): void {
  if (space.kind === 'discrete') space.codebook_VC.dispose();
  if (space.kind === 'factors') tf.dispose([...space.codebooks]);
}

/** Numbers of a tensor, which is disposed. */
export async function take(tensor: Tensor): Promise<Float32Array> {
  const data = Float32Array.from(await tensor.data());
  tensor.dispose();
  return data;
}

export interface TrainTask {
  readonly batch: Readonly<Record<string, Tensor>>;
  /** Of any shape: it is averaged. */
  loss(batch: Readonly<Record<string, Tensor>>, rng: TraceRng): Tensor;
}

interface Learning {
  readonly steps: number;
  /** At the first step; it falls to 0 as a cosine. */
  readonly rate: number;
}

/** Keys that judge a loss: random ones (noise, masks) are averaged. */
const JUDGED = [1001, 1002, 1003, 1004];

/** Enough steps to show whether a loss falls. */
const FALLING: Learning = { steps: 25, rate: 0.02 };

function stepOf({ engine, params }: Bench, { loss }: Pick<TrainTask, 'loss'>): TrainStep {
  return engine.compileTrainStep({
    name: 'conformance',
    params,
    loss: (given, rng) => {
      const losses = loss(given, rng);
      return { loss: tf.mean(losses), aux: { losses } };
    },
    betas: [0.9, 0.95],
    eps: 1e-8,
    clip: null,
    ema: false,
  });
}

/** Trains the part's parameters on one batch. */
export async function trains(bench: Bench, task: TrainTask, learning: Learning): Promise<void> {
  if (bench.params.length === 0) return;
  const step = stepOf(bench, task);
  for (let key = 0; key < learning.steps; key++) await stepped(step, task, { learning, key });
  await step.sync('params');
}

/** Asks for losses one by one, always under the same random numbers. */
export function asksLosses(
  bench: Bench,
  loss: TrainTask['loss'],
): (batch: TrainTask['batch']) => Promise<Float32Array> {
  const step = stepOf(bench, { loss });
  return async (batch) => Float32Array.from((await step.evaluate(batch, JUDGED[0]!)).aux['losses']!);
}

interface At {
  readonly learning: Learning;
  readonly key: number;
}

async function stepped(step: TrainStep, { batch }: TrainTask, { learning: { steps, rate }, key }: At): Promise<number> {
  const learningRate = (rate / 2) * (1 + Math.cos((Math.PI * key) / steps));
  const { gradNorm } = await step.run([batch], { learningRate, weightDecay: 0, emaDecay: 0, key });
  if (Number.isFinite(gradNorm)) return gradNorm;
  throw new Error(`gradients of norm ${gradNorm} at step ${key}`);
}

/** Trains the part's parameters on one batch for a while; says what is wrong with its loss. */
export async function falls(bench: Bench, task: TrainTask): Promise<string | null> {
  const step = stepOf(bench, task);
  const judge = async (): Promise<number> => {
    let sum = 0;
    for (const key of JUDGED) sum += (await step.evaluate(task.batch, key)).loss;
    return sum / JUDGED.length;
  };
  const before = await judge();
  if (!Number.isFinite(before)) return `a loss of ${before}`;
  if (bench.params.length === 0) return null;
  for (let key = 0; key < FALLING.steps; key++) {
    const norm = await stepped(step, task, { learning: FALLING, key });
    if (key === 0 && norm === 0) return 'gradients that are all zero';
  }
  const after = await judge();
  if (after < before - 1e-3 * Math.abs(before)) return null;
  return `a loss of ${after.toPrecision(4)} after ${FALLING.steps} steps, ${before.toPrecision(4)} before`;
}
