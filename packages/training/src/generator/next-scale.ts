import * as tf from '@tensorflow/tfjs';
import type { Scalar, Tensor, Tensor1D, Tensor2D } from '@tensorflow/tfjs';
import { type Encoding, roundHalfEven } from '@tessera/core';
import { tensorFrom, type TraceRng } from '@tessera/engine';
import { TesseraError } from '@tessera/errors';
import {
  type BatchConditions,
  droppedOf,
  requireEstimates,
  splitBatch,
  type LossParts,
  type Objective,
  type ObjectiveOptions,
} from './objective.ts';

interface NextScaleLossOptions {
  /** Share of the images that are learnt without their condition. */
  readonly conditionDrop: number;
  /** Train only this many of the first scales. Left out: as many as the batch has weights for. */
  readonly scales?: number;
}

/** One training batch of cached encodings. */
export interface ScaleBatch extends Encoding, BatchConditions {
  /** Weight of each token in the sum: 1/L, or that of progressive training. A shorter list trains the first scales only. */
  readonly weight_L: Tensor;
}

/**
 * Loss of next-scale prediction (VAR, arXiv 2404.02905, section 3.2): every scale is predicted from the true
 * coarser scales (teacher forcing). Tokens are weighted and summed, images averaged. Aux: `scale_S`, the mean loss of
 * each scale. Random streams: `label-drop` (see `droppedOf`), and those of tokenizer, backbone and head. Pure and traceable.
 * @throws TesseraError `tokenizer-not-next-scale`, `weights-length`
 */
export function nextScaleLoss(
  { tokenizer, backbone, head }: LossParts,
  { conditionDrop, scales: counted }: NextScaleLossOptions,
): (batch: ScaleBatch, rng: TraceRng) => { loss: Scalar; aux: { scale_S: Tensor1D } } {
  requireEstimates(tokenizer);
  const all = tokenizer.layout.scales.map(({ height, width }) => height * width);
  return (given, rng) => {
    const { encoded, others } = splitBatch(given);
    const { weight_L, ...encoding } = others;
    const sizes = scalesOf(all, counted ? total(all.slice(0, counted)) : weight_L.shape[0]!);
    const length = total(sizes);
    const { values_BlC, index_Bl } = tokenizer.draw(encoding, rng);
    const batch = values_BlC.shape[0];
    const raster_BL = tf.tile(tf.reshape(tf.range(0, length, 1, 'int32'), [1, length]), [batch, 1]) as Tensor2D;
    const estimates_BLC = tokenizer.estimates!(values_BlC);
    const cut = <T extends Tensor>(tokens: T, count: number): T =>
      tokens.shape[1] === count ? tokens : (tf.slice(tokens, [0, 0], [batch, count]) as T);
    const trainBatch = {
      values_BLC: cut(values_BlC, length),
      estimates_BLC: cut(estimates_BLC, length - sizes[0]!),
      order_BL: raster_BL,
      rank_BL: raster_BL,
      cut: null,
      condition: { encoded, dropped_B: droppedOf(batch, rng, conditionDrop) },
    };
    const context = { rng, train: true };
    const target = { values_BlC: trainBatch.values_BLC, ...(index_Bl && { index_Bl: cut(index_Bl, length) }) };
    const loss_BL = head.loss(backbone.teach(trainBatch, context), target, context);
    const weights = weight_L.shape[0] === length ? weight_L : tf.slice(weight_L, [0], [length]);
    const loss = tf.mean(tf.sum(tf.mul(loss_BL, weights), 1)) as Scalar;
    const scale_S = tf.stack(tf.split(loss_BL, [...sizes], 1).map((part) => tf.mean(part))) as Tensor1D;
    return { loss, aux: { scale_S } };
  };
}

/** The first scales that together have `length` tokens. */
function scalesOf(all: readonly number[], length: number): readonly number[] {
  const count = all.findIndex((_, scale) => total(all.slice(0, scale + 1)) === length) + 1;
  if (count > 0) return all.slice(0, count);
  const expected = `one for each token of the first scales, of ${all.join(', ')} tokens`;
  throw new TesseraError({ code: 'weights-length', who: 'training', got: `${length} token weights`, expected });
}

function total(sizes: readonly number[]): number {
  return sizes.reduce((sum, size) => sum + size, 0);
}

/** Predicts every scale from the estimate of the coarser ones. Progressive training begins with the coarse scales. */
export function nextScaleObjective({ parts, recipe }: ObjectiveOptions): Objective {
  const loss = nextScaleLoss(parts, { conditionDrop: recipe.conditionDrop });
  const sizes = parts.tokenizer.layout.scales.map(({ height, width }) => height * width);
  const schedule = recipe.progressive;
  if (schedule && schedule.first >= sizes.length) throw firstMisfit(schedule.first, sizes.length);
  const { warmup } = recipe.optimiser.learningRate;
  const progressive = schedule && { ...schedule, warmup, steps: recipe.steps, scales: sizes.length };
  return {
    loss: (batch, rng) => loss(batch as unknown as ScaleBatch, rng),
    inputs({ step }) {
      const weights = progressiveWeights(step, { progressive, fade: schedule?.fade ?? 0, sizes });
      return { weight_L: tensorFrom(weights, [weights.length]) };
    },
    programs: 1,
    figures: ['scale_S'],
  };
}

function firstMisfit(first: number, scales: number): TesseraError {
  return new TesseraError({
    code: 'recipe-misfit',
    who: 'training',
    got: `generator.progressive.first = ${first} for a tokenizer of ${scales} scales`,
    expected: `${scales - 1} at most: scales are counted from 0`,
    next: 'Lower first, or remove generator.progressive.',
  });
}

/** Training that begins with the coarse scales (VAR's trainer): which scales count at each step. */
export interface Progressive {
  /** All scales count from this share of the training on. */
  readonly until: number;
  /** Index of the last scale that counts at the start; at least 1. */
  readonly first: number;
  readonly warmup: number;
  readonly steps: number;
  readonly scales: number;
}

/** Index of the finest scale that counts at step `it`. */
export function progressiveStage(it: number, { until, first, warmup, steps, scales }: Progressive): number {
  const last = scales - 1;
  if (it <= warmup) return first;
  if (it >= steps * until) return last;
  const progress = Math.min(1, Math.max(0, (it - warmup) / (steps * until - warmup)));
  return Math.min(last, Math.max(first, first + roundHalfEven(progress * (last - first))));
}

/**
 * Weights of the tokens when scales up to `stage` count: 1/L each, L the length of all scales; `newest` times that at
 * the stage's own scale. Block-causal attention makes a weight of 0 equal to leaving the scale out.
 */
export function tokenWeights(
  sizes: readonly number[],
  { stage, newest }: { readonly stage: number; readonly newest: number },
): Float32Array {
  const length = sizes.reduce((sum, size) => sum + size, 0);
  return Float32Array.from(
    sizes.slice(0, stage + 1).flatMap((size, scale) => {
      const weight = scale === stage ? newest : 1;
      return Array.from({ length: size }, () => weight / length);
    }),
  );
}

/**
 * Weights of the tokens at step `it`. The newest scale fades in over `fade` steps, except in the first stage and once
 * all scales count. Without progressive training every token weighs 1/L.
 */
export function progressiveWeights(
  it: number,
  options: { readonly progressive: Progressive | null; readonly fade: number; readonly sizes: readonly number[] },
): Float32Array {
  const { progressive, fade, sizes } = options;
  const last = sizes.length - 1;
  if (!progressive) return tokenWeights(sizes, { stage: last, newest: 1 });
  const stage = progressiveStage(it, progressive);
  const fades = stage > progressive.first && stage < last;
  const newest = fades ? Math.min(1, Math.max(0.01, (it - stageStart(it, progressive)) / Math.max(1, fade))) : 1;
  return tokenWeights(sizes, { stage, newest });
}

/** First step of the stage that step `it` belongs to. */
function stageStart(it: number, progressive: Progressive): number {
  const stage = progressiveStage(it, progressive);
  let start = it;
  while (start > 0 && progressiveStage(start - 1, progressive) === stage) start--;
  return start;
}
