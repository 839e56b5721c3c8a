import * as tf from '@tensorflow/tfjs';
import type { Tensor } from '@tensorflow/tfjs';
import type { TraceRng, TrainStep } from '@tessera/engine';
import type { Bench } from './bench.ts';

export interface Lessons {
  readonly batch: Readonly<Record<string, Tensor>>;
  /** Of any shape: it is averaged. */
  loss(batch: Readonly<Record<string, Tensor>>, rng: TraceRng): Tensor;
}

export interface Learning {
  readonly steps: number;
  /** At the first step; it falls to 0 as a cosine. */
  readonly rate: number;
}

/** Keys that judge a loss: random ones (noise, masks) are averaged. */
const JUDGED = [1001, 1002, 1003, 1004];

/** So few steps show whether a loss falls. */
const FALLING: Learning = { steps: 25, rate: 0.02 };

function stepOf({ engine, params }: Bench, { loss }: Pick<Lessons, 'loss'>): TrainStep {
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
export async function trains(bench: Bench, lessons: Lessons, learning: Learning): Promise<void> {
  if (bench.params.length === 0) return;
  const step = stepOf(bench, lessons);
  for (let key = 0; key < learning.steps; key++) await stepped(step, lessons, { learning, key });
  await step.sync('params');
}

/** Asks for losses one by one, always under the same random numbers. */
export function asksLosses(bench: Bench, loss: Lessons['loss']): (batch: Lessons['batch']) => Promise<Float32Array> {
  const step = stepOf(bench, { loss });
  return async (batch) => Float32Array.from((await step.evaluate(batch, JUDGED[0]!)).aux['losses']!);
}

interface At {
  readonly learning: Learning;
  readonly key: number;
}

async function stepped(step: TrainStep, { batch }: Lessons, { learning: { steps, rate }, key }: At): Promise<number> {
  const learningRate = (rate / 2) * (1 + Math.cos((Math.PI * key) / steps));
  const { gradNorm } = await step.run([batch], { learningRate, weightDecay: 0, emaDecay: 0, key });
  if (Number.isFinite(gradNorm)) return gradNorm;
  throw new Error(`gradients of norm ${gradNorm} at step ${key}`);
}

/** Trains the part's parameters on one batch for a while; says what is wrong with its loss. */
export async function falls(bench: Bench, lessons: Lessons): Promise<string | null> {
  const step = stepOf(bench, lessons);
  const judge = async (): Promise<number> => {
    let sum = 0;
    for (const key of JUDGED) sum += (await step.evaluate(lessons.batch, key)).loss;
    return sum / JUDGED.length;
  };
  const before = await judge();
  if (!Number.isFinite(before)) return `a loss of ${before}`;
  if (bench.params.length === 0) return null;
  for (let key = 0; key < FALLING.steps; key++) {
    const norm = await stepped(step, lessons, { learning: FALLING, key });
    if (key === 0 && norm === 0) return 'gradients that are all zero';
  }
  const after = await judge();
  if (after < before - 1e-3 * Math.abs(before)) return null;
  return `a loss of ${after.toPrecision(4)} after ${FALLING.steps} steps, ${before.toPrecision(4)} before`;
}
