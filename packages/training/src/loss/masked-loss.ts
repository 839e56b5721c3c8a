import * as tf from '@tensorflow/tfjs';
import type { Scalar, Tensor, Tensor2D } from '@tensorflow/tfjs';
import type { Encoding } from '@tessera/core';
import type { TraceRng } from '@tessera/engine';
import { TesseraError } from '@tessera/errors';
import type { CutBounds } from '../schedule/cuts.ts';
import { dropLabels } from './drop-labels.ts';
import type { LessonParts } from './lesson-parts.ts';
import { tokensAt } from './tokens-at.ts';

export interface MaskedLossOptions {
  /** Share of the labels replaced by the null class. */
  readonly labelDrop: number;
  /** Every count of known tokens lies within one of these; the length of `weight_l` says in which. */
  readonly cuts: readonly CutBounds[];
}

/** One training batch of cached encodings, in random orders. */
export interface MaskedBatch extends Encoding {
  /** -1 for unlabelled images; int32. */
  readonly label_B: Tensor;
  /** Positions in the order in which they become known, and the place of each in it; int32. */
  readonly order_BL: Tensor;
  readonly rank_BL: Tensor;
  /** So many are known; an int32 scalar. */
  readonly known: Tensor;
  /** Weights of the tokens from the cut's `least` on, by their place in the order: 0 up to `known`, then equal shares. */
  readonly weight_l: Tensor;
}

/**
 * Loss of masked prediction (MAR, arXiv 2406.11838, section 3.3): every hidden token is predicted from the known ones,
 * hidden tokens and images are averaged. Aux: `hidden`, the share of hidden tokens. Random streams: `label-drop`, and
 * those of tokenizer, backbone and head. Pure and traceable.
 */
export function maskedLoss(
  { tokenizer, backbone, head }: LessonParts,
  { labelDrop, cuts }: MaskedLossOptions,
): (batch: MaskedBatch, rng: TraceRng) => { loss: Scalar; aux: { hidden: Scalar } } {
  return ({ label_B, order_BL, rank_BL, known, weight_l, ...encoding }, rng) => {
    const length = order_BL.shape[1]!;
    const tokens = tokenizer.draw(encoding, rng);
    const lesson = {
      values_BLC: tokens.values_BlC,
      order_BL: order_BL as Tensor2D,
      rank_BL: rank_BL as Tensor2D,
      cut: { known, ...boundsOf(cuts, length - weight_l.shape[0]!) },
      condition: { kind: 'class' as const, label_B: dropLabels(label_B, rng, labelDrop) },
    };
    const context = { rng, train: true };
    const taught = backbone.teach(lesson, context);
    const loss_Bl = head.loss(taught, tokensAt(tokens, taught.positions_Bl), context);
    const loss = tf.mean(tf.sum(tf.mul(loss_Bl, weight_l), 1)) as Scalar;
    const hidden: Scalar = tf.sub(1, tf.div(tf.cast(known, 'float32'), length));
    return { loss, aux: { hidden } };
  };
}

function boundsOf(cuts: readonly CutBounds[], least: number): CutBounds {
  const found = cuts.find((cut) => cut.least === least);
  if (found) return found;
  const expected = `one for each token from ${cuts.map((cut) => cut.least).join(' or ')} on`;
  throw new TesseraError({ code: 'weights-length', who: 'training', got: `token weights from ${least} on`, expected });
}
