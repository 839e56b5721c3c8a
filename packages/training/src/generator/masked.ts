import * as tf from '@tensorflow/tfjs';
import type { Scalar, Tensor, Tensor2D } from '@tensorflow/tfjs';
import type { Encoding } from '@tessera/core';
import { keyedRng, tensorFrom, type TraceRng } from '@tessera/engine';
import { TesseraError } from '@tessera/errors';
import {
  type BatchConditions,
  droppedOf,
  type LossParts,
  maskingDefaults,
  type MaskingRecipe,
  type Objective,
  type ObjectiveOptions,
  splitBatch,
  tokensAt,
  visitOrders,
} from './objective.ts';

interface MaskedLossOptions {
  /** Share of the images that are learnt without their condition. */
  readonly conditionDrop: number;
  /** Ranges that hold every count of known tokens. The length of `weight_l` says which range a batch is of. */
  readonly cuts: readonly CutBounds[];
}

/** One training batch of cached encodings, in random orders. */
export interface MaskedBatch extends Encoding, BatchConditions {
  /** Positions in the order in which they become known, and the rank of each position in it; int32. */
  readonly order_BL: Tensor;
  readonly rank_BL: Tensor;
  /** Number of known tokens, an int32 scalar. */
  readonly known: Tensor;
  /** Weights of the tokens from the range's `least` on, by rank: 0 for known tokens, then equal weights that sum to 1. */
  readonly weight_l: Tensor;
}

/**
 * Loss of masked prediction (MAR, arXiv 2406.11838, section 3.3): every hidden token is predicted from the known ones.
 * Hidden tokens and images are averaged. Aux: `hidden`, the share of hidden tokens. Random streams: `label-drop`, and
 * those of tokenizer, backbone and head. Pure and traceable.
 */
export function maskedLoss(
  { tokenizer, backbone, head }: LossParts,
  { conditionDrop, cuts }: MaskedLossOptions,
): (batch: MaskedBatch, rng: TraceRng) => { loss: Scalar; aux: { hidden: Scalar } } {
  return (batch, rng) => {
    const { encoded, others } = splitBatch(batch);
    const { order_BL, rank_BL, known, weight_l, ...encoding } = others;
    const [images, length] = order_BL.shape as [number, number];
    const tokens = tokenizer.draw(encoding, rng);
    const trainBatch = {
      values_BLC: tokens.values_BlC,
      order_BL: order_BL as Tensor2D,
      rank_BL: rank_BL as Tensor2D,
      cut: { known, ...boundsOf(cuts, length - weight_l.shape[0]!) },
      condition: { encoded, dropped_B: droppedOf(images, rng, conditionDrop) },
    };
    const context = { rng, train: true };
    const hidden = backbone.teach(trainBatch, context);
    const loss_Bl = head.loss(hidden, tokensAt(tokens, hidden.positions_Bl), context);
    const loss = tf.mean(tf.sum(tf.mul(loss_Bl, weight_l), 1)) as Scalar;
    const share: Scalar = tf.sub(1, tf.div(tf.cast(known, 'float32'), length));
    return { loss, aux: { hidden: share } };
  };
}

function boundsOf(cuts: readonly CutBounds[], least: number): CutBounds {
  const found = cuts.find((cut) => cut.least === least);
  if (found) return found;
  const expected = `one for each token from ${cuts.map((cut) => cut.least).join(' or ')} on`;
  throw new TesseraError({ code: 'weights-length', who: 'training', got: `token weights from ${least} on`, expected });
}

/**
 * All images of a batch share one cut between known and hidden tokens, where a step of the order may begin. The tokens
 * after the cut are predicted.
 */
export function maskedObjective({ parts, recipe, seed }: ObjectiveOptions): Objective {
  const { layout } = parts.tokenizer;
  const { length } = layout;
  const stops = parts.order.stops(layout);
  if (stops && recipe.masking) throw maskingMisfit(stops);
  const masking = recipe.masking ?? maskingDefaults;
  const cuts = cutBounds(stops ?? countsOf(length, masking.leastRate), masking.programs);
  const draw = stops ? stopCut(stops, seed) : rateCut(length, masking, seed);
  const loss = maskedLoss(parts, { conditionDrop: recipe.conditionDrop, cuts });
  return {
    loss: (batch, rng) => loss(batch as unknown as MaskedBatch, rng),
    inputs({ number, images }) {
      const known = draw(number);
      const { least } = cuts.find(({ most }) => known <= most)!;
      const weights = Float32Array.from({ length: length - least }, (_, i) =>
        least + i < known ? 0 : 1 / (length - known),
      );
      return {
        ...visitOrders(parts, { images, number, seed }),
        known: tensorFrom(Int32Array.of(known), [], 'int32'),
        weight_l: tensorFrom(weights, [weights.length]),
      };
    },
    programs: cuts.length,
    figures: ['hidden'],
  };
}

/** The number of known tokens of a batch, by its number. */
type CutDraw = (number: number) => number;

function rateCut(length: number, { leastRate, deviation }: MaskingRecipe, seed: number): CutDraw {
  return (number) => knownTokens(length, maskRate({ least: leastRate, deviation }, { seed, number }));
}

/**
 * One of the stops, uniformly. Random stream: `lesson-stop` (an older name, kept so that trainings stay reproducible), one
 * uniform per batch.
 */
function stopCut(stops: readonly number[], seed: number): CutDraw {
  const rng = keyedRng([seed]);
  return (number) => {
    const [draw] = rng.uniform({ row: 0, stream: 'lesson-stop', step: number, position: 0 }, 1);
    return stops[Math.floor(draw! * stops.length)]!;
  };
}

function maskingMisfit(stops: readonly number[]): TesseraError {
  return new TesseraError({
    code: 'recipe-misfit',
    who: 'training',
    got: `generator.masking for an order whose steps begin after ${stops.join(', ')} tokens`,
    expected: 'generator.masking only where a step may begin after any number',
    next: 'Remove generator.masking, or exchange the order.',
  });
}

/** A normal distribution around 1 with this deviation, truncated to [least, 1]. */
interface MaskRates {
  readonly least: number;
  readonly deviation: number;
}

/**
 * If this many draws miss [least, 1], the interval is so narrow that the density hardly changes within it. A uniform draw
 * then takes its place.
 */
const ATTEMPTS = 1000;

/**
 * The share of tokens that batch `number` hides (MAR, arXiv 2406.11838, section 3.3, where the deviation is 0.25). The
 * same seed and number give the same rate.
 */
export function maskRate({ least, deviation }: MaskRates, { seed, number }: { seed: number; number: number }): number {
  if (least >= 1) return 1;
  const rng = keyedRng([seed]);
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const [draw] = rng.normal({ row: 0, stream: 'mask-rate', step: number, position: attempt }, 1);
    const rate = 1 - deviation * Math.abs(draw!);
    if (rate >= least) return rate;
  }
  const [draw] = rng.uniform({ row: 0, stream: 'mask-rate', step: number, position: ATTEMPTS }, 1);
  return 1 - (1 - least) * draw!;
}

/** Range of the number of known tokens that one compiled program serves. */
export interface CutBounds {
  readonly least: number;
  readonly most: number;
}

/** Number of known tokens when this share is hidden. Hidden ones are rounded up, as in MAR's code, and at least one. */
export function knownTokens(length: number, rate: number): number {
  return length - Math.max(1, Math.ceil(length * rate));
}

/** All numbers of known tokens that can occur when at least this share is hidden, ascending. */
export function countsOf(length: number, leastRate: number): readonly number[] {
  return Array.from({ length: knownTokens(length, leastRate) + 1 }, (_, known) => known);
}

/**
 * Splits the numbers of known tokens, ascending, into `programs` ranges of about equal size. A program computes for all
 * tokens from the least of its range on, so few programs waste computation; many take long to compile and more memory.
 * Measured on digits of 16 tokens, with 1, 2, 4 and
 * 8 programs: 0.45, 0.42, 0.42 and 0.39 seconds of one core a step, and 1.0, 1.3, 1.9 and 3.3 GB.
 */
export function cutBounds(counts: readonly number[], programs: number): readonly CutBounds[] {
  const ranges = Math.min(programs, counts.length);
  const start = (range: number): number => Math.floor((range * counts.length) / ranges);
  return Array.from({ length: ranges }, (_, range) => ({
    least: counts[start(range)]!,
    most: counts[start(range + 1) - 1]!,
  }));
}
