import type { Scalar, Tensor } from '@tensorflow/tfjs';
import type { TraceRng } from '@tessera/engine';
import type { Bench } from './bench.ts';
import type { Trial } from './options.ts';

export interface Lessons {
  readonly batch: Readonly<Record<string, Tensor>>;
  loss(batch: Readonly<Record<string, Tensor>>, rng: TraceRng): Scalar;
}

/** Keys that judge a loss: random ones (noise, masks) are averaged. */
const JUDGED = [1001, 1002, 1003, 1004];

/** Trains the part's parameters on one batch; says what is wrong with its loss. */
export async function falls({ engine, params }: Bench, { batch, loss }: Lessons, trial: Trial): Promise<string | null> {
  const step = engine.compileTrainStep({
    name: 'conformance',
    params,
    loss: (given, rng) => ({ loss: loss(given, rng) }),
    betas: [0.9, 0.95],
    eps: 1e-8,
    clip: null,
    ema: false,
  });
  const judge = async (): Promise<number> => {
    let sum = 0;
    for (const key of JUDGED) sum += (await step.evaluate(batch, key)).loss;
    return sum / JUDGED.length;
  };
  const before = await judge();
  if (!Number.isFinite(before)) return `a loss of ${before}`;
  if (params.length === 0) return null;
  for (let index = 0; index < trial.learning.steps; index++) {
    const hyper = { learningRate: trial.learning.rate, weightDecay: 0, emaDecay: 0, key: index };
    const { gradNorm } = await step.run([batch], hyper);
    if (!Number.isFinite(gradNorm)) return `gradients of norm ${gradNorm} at step ${index}`;
    if (index === 0 && gradNorm === 0) return 'gradients that are all zero';
  }
  const after = await judge();
  if (after < before - 1e-3 * Math.abs(before)) return null;
  return `a loss of ${after.toPrecision(4)} after ${trial.learning.steps} steps, ${before.toPrecision(4)} before`;
}
