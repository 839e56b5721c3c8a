import * as tf from '@tensorflow/tfjs';
import type { Tensor, Tensor4D } from '@tensorflow/tfjs';
import type { Engine, TrainStep } from '@tessera/engine';
import { TesseraError } from '@tessera/errors';
import { type CutBounds, knownTokens, type MaskedBatch, maskedLoss } from '@tessera/training';
import { type CaseFile, metadataOf, namesAfter, tensorOf } from '../case-file.ts';
import type { CaseRunner } from '../comparison.ts';
import { floatTensor, imageTensor, indexTensor, type Computed } from '../case-tensors.ts';
import { type MarParts, openMarParts } from '../mar-case.ts';
import { recordedTrace } from '../recorded-rng.ts';
import { afterSteps, checkDecay } from '../training-cases.ts';

/** Several optimiser steps of masked generation, with clipping and averaged weights. */
export const marTrainRunner: CaseRunner = {
  kind: 'mar.train',
  async run(file, { checks, engine }) {
    const parts = await openMarParts(file, { engine, train: true });
    checkDecay(file, parts.weights.params);
    const plan = optimiserOf(file);
    const rates = metadataOf(file, 'mask_rates') as number[];
    const lrs = metadataOf(file, 'lrs') as number[];
    const counts = rates.map((rate) => knownTokens(parts.sizes.length, rate));
    // One program for all cuts: what is not yet known hides behind a mask.
    const bounds = { least: Math.min(...counts), most: Math.max(...counts) };
    const { betas, eps, clip } = plan;
    const step = marTrainStep(engine, parts, { bounds, betas, eps, clip, ema: true });
    for (const [i, maskRate] of rates.entries()) {
      const batch = batchOf(file, parts, { suffix: `.${i}`, maskRate, bounds });
      const hyper = { learningRate: lrs[i]!, weightDecay: plan.weightDecay, emaDecay: plan.emaDecay, key: i };
      const { loss, gradNorm } = await step.run([batch], hyper);
      checks.checkNumber(`out.loss.${i}`, loss, { absolute: 0, relative: 1e-4 });
      checks.checkNumber(`out.grad_norm.${i}`, gradNorm, { absolute: 0, relative: 1e-3 });
      tf.dispose(batch);
    }
    const state = await step.state();
    for (const [kind, ours] of [
      ['after', 'param'],
      ['ema', 'ema'],
    ] as const) {
      for (const name of namesAfter(file, `out.${kind}.`)) {
        const tolerance = afterSteps(state.get(`m.${name}`)!.data, lrs);
        checks.check(`out.${kind}.${name}`, state.get(`${ours}.${name}`)!, tolerance);
      }
    }
    step.dispose();
    parts.dispose();
  },
};

/** Reads a phrase such as `AdamW betas .9 .95 eps 1e-8, wd 0.02 on decay group, clip 3.0, EMA rate 0.9`. */
function optimiserOf(file: CaseFile) {
  const phrase = file.metadata.get('optimizer') ?? '';
  const read = (pattern: RegExp): number[] => {
    const found = pattern.exec(phrase);
    if (found) return found.slice(1).map(Number);
    throw new TesseraError({
      code: 'case-metadata',
      who: file.name,
      got: JSON.stringify(phrase),
      expected: `a phrase that matches ${pattern.source}`,
    });
  };
  const number = '([\\d.]+(?:e[+-]?\\d+)?)';
  const after = (name: string, count = 1): number[] =>
    read(new RegExp(`\\b${name} ${Array.from({ length: count }, () => number).join(' ')}`));
  return {
    betas: after('betas', 2) as [number, number],
    eps: after('eps')[0]!,
    weightDecay: after('wd')[0]!,
    clip: after('clip')[0]!,
    emaDecay: after('EMA rate')[0]!,
  };
}

/** The official label drop. */
export const CONDITION_DROP = 0.1;
/** So small a variance that latents are their means. */
const LEAST_LOG_VARIANCE = -30;

/** Where one batch of a file is, and how many tokens it hides. */
interface BatchPlace {
  /** Behind the tensors' names: `.2` for the third step of a training; nothing where there is but one batch. */
  readonly suffix: string;
  /** Share of hidden tokens. */
  readonly maskRate: number;
  /** Bounds of the program's cut; its tokens are predicted from `least` on. */
  readonly bounds: CutBounds;
}

/** In which order a batch's tokens come; [B, L] row-major. */
export interface RecordedOrder {
  readonly order: Int32Array;
  readonly rank: Int32Array;
  readonly known: number;
}

/** Official orders name first what stays hidden longest: ours are their reverse. */
export function recordedOrder(
  file: CaseFile,
  { suffix, maskRate }: Pick<BatchPlace, 'suffix' | 'maskRate'>,
): RecordedOrder {
  const { data, shape } = tensorOf(file, `rand.orders${suffix}`);
  const [batch, length] = shape as [number, number];
  const order = new Int32Array(data.length);
  const rank = new Int32Array(data.length);
  for (let row = 0; row < batch; row++) {
    for (let place = 0; place < length; place++) {
      const position = data[row * length + length - 1 - place]!;
      order[row * length + place] = position;
      rank[row * length + position] = place;
    }
  }
  return { order, rank, known: knownTokens(length, maskRate) };
}

/** A training batch whose random numbers are the recorded ones. */
export function batchOf(file: CaseFile, { sizes }: MarParts, place: BatchPlace): Record<string, Tensor> {
  const { suffix, bounds } = place;
  const { length } = sizes;
  const recorded = recordedOrder(file, place);
  const label = tensorOf(file, `in.label${suffix}`);
  const batch = label.shape[0]!;
  const predicted = length - bounds.least;
  const weights = Float32Array.from({ length: predicted }, (_, i) =>
    bounds.least + i < recorded.known ? 0 : 1 / (length - recorded.known),
  );
  const orders = (data: Int32Array): Tensor => indexTensor({ data, shape: [batch, length] });
  const atPredicted = (name: string): Computed =>
    gatherPredicted(tensorOf(file, name + suffix), { sizes, recorded, batch, predicted });
  const timesteps = atPredicted('rand.t');
  return {
    ...encodingOf(file, { suffix, latentScale: sizes.latentScale }),
    'condition.label_R': indexTensor(label),
    order_BL: orders(recorded.order),
    rank_BL: orders(recorded.rank),
    known: indexTensor({ data: [recorded.known], shape: [] }),
    weight_l: floatTensor({ data: weights, shape: [predicted] }),
    'label-drop': floatTensor(
      file.tensors.get(`rand.label_drop${suffix}`) ?? { data: Array(batch).fill(1), shape: [batch] },
    ),
    timestep: floatTensor({ ...timesteps, data: Array.from(timesteps.data, (step) => (step + 0.5) / 1000) }),
    'diffusion-noise': floatTensor(atPredicted('rand.noise')),
  };
}

/** Moments of a posterior without variance, whose scaled draw is the recorded latent. */
function encodingOf(file: CaseFile, { suffix, latentScale }: { suffix: string; latentScale: number }) {
  const latent_Bhwz = imageTensor(tensorOf(file, `in.latents${suffix}`));
  const mean_Bhwz = tf.div(latent_Bhwz, latentScale) as Tensor4D;
  const logVariance_Bhwz = tf.fill(mean_Bhwz.shape, LEAST_LOG_VARIANCE) as Tensor4D;
  const moments = tf.concat([mean_Bhwz, logVariance_Bhwz], 3);
  const posterior = tf.zerosLike(mean_Bhwz);
  tf.dispose([latent_Bhwz, mean_Bhwz, logVariance_Bhwz]);
  return { moments, posterior };
}

interface PredictedPlaces {
  readonly sizes: MarParts['sizes'];
  readonly recorded: RecordedOrder;
  readonly batch: number;
  readonly predicted: number;
}

/** Rows recorded for every token of a batch, tiled M times, at the predicted places of each order: [M, B, l, ...]. */
function gatherPredicted({ data, shape }: Computed, { sizes, recorded, batch, predicted }: PredictedPlaces): Computed {
  const { length, repeats } = sizes;
  const size = shape.slice(1).reduce((product, side) => product * side, 1);
  const out: number[] = [];
  for (let image = 0; image < repeats * batch; image++) {
    for (let place = length - predicted; place < length; place++) {
      const row = image * length + recorded.order[(image % batch) * length + place]!;
      for (let i = 0; i < size; i++) out.push(data[row * size + i]!);
    }
  }
  return { data: out, shape: [repeats, batch, predicted, ...shape.slice(1)] };
}

interface TrainStepOptions {
  readonly bounds: CutBounds;
  readonly betas: readonly [number, number];
  readonly eps: number;
  readonly clip: number | null;
  readonly ema: boolean;
}

/** The training step of masked generation, as recipes train with it. */
export function marTrainStep(engine: Engine, parts: MarParts, { bounds, ...optimiser }: TrainStepOptions): TrainStep {
  const loss = maskedLoss(parts, { conditionDrop: CONDITION_DROP, cuts: [bounds] });
  return engine.compileTrainStep({
    name: 'parity.mar',
    params: parts.weights.params,
    loss: (batch) => ({ loss: loss(batch as unknown as MaskedBatch, recordedTrace(batch)).loss }),
    ...optimiser,
  });
}
