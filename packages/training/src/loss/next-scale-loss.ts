import * as tf from '@tensorflow/tfjs';
import type { Scalar, Tensor, Tensor1D, Tensor2D } from '@tensorflow/tfjs';
import type { Encoding } from '@tessera/core';
import type { TraceRng } from '@tessera/engine';
import { TesseraError } from '@tessera/errors';
import { dropLabels } from './drop-labels.ts';
import type { LessonParts } from './lesson-parts.ts';

export interface NextScaleLossOptions {
  /** Share of the labels replaced by the null class. */
  readonly labelDrop: number;
  /** Train only the first so many scales; left out: as many as the batch has weights for. */
  readonly scales?: number;
}

/** One training batch of cached encodings. */
export interface ScaleBatch extends Encoding {
  /** -1 for unlabelled images; int32. */
  readonly label_B: Tensor;
  /** The weight of each token in the sum: 1/L, or what a progressive plan says. A shorter list trains the first scales. */
  readonly weight_L: Tensor;
}

/**
 * Loss of next-scale prediction (VAR, arXiv 2404.02905, section 3.1): every scale is predicted from the true
 * coarser ones, tokens are weighed and summed, images averaged. Aux: `scale_S`, the mean loss of each scale.
 * Random streams: `label-drop`, one uniform per image, null class below `labelDrop`; and those of tokenizer, backbone and
 * head. Pure and traceable.
 * @throws TesseraError `tokenizer-not-next-scale`, `weights-length`
 */
export function nextScaleLoss(
  { tokenizer, backbone, head }: LessonParts,
  { labelDrop, scales: counted }: NextScaleLossOptions,
): (batch: ScaleBatch, rng: TraceRng) => { loss: Scalar; aux: { scale_S: Tensor1D } } {
  if (!tokenizer.estimates) {
    throw new TesseraError({
      code: 'tokenizer-not-next-scale',
      who: 'training',
      got: `a tokenizer of ${tokenizer.layout.scales.length} scale(s) without estimates`,
      expected: 'one of several scales, which estimates each from the coarser ones',
    });
  }
  const all = tokenizer.layout.scales.map(({ height, width }) => height * width);
  return ({ label_B, weight_L, ...encoding }, rng) => {
    const batch = label_B.shape[0]!;
    const sizes = scalesOf(all, counted ? total(all.slice(0, counted)) : weight_L.shape[0]!);
    const length = total(sizes);
    const asTheyLie = tf.tile(tf.reshape(tf.range(0, length, 1, 'int32'), [1, length]), [batch, 1]) as Tensor2D;
    const { values_BlC, index_Bl } = tokenizer.draw(encoding, rng);
    const estimates_BLC = tokenizer.estimates!(values_BlC);
    const cut = <T extends Tensor>(tokens: T, count: number): T =>
      tokens.shape[1] === count ? tokens : (tf.slice(tokens, [0, 0], [batch, count]) as T);
    const lesson = {
      values_BLC: cut(values_BlC, length),
      estimates_BLC: cut(estimates_BLC, length - sizes[0]!),
      order_BL: asTheyLie,
      rank_BL: asTheyLie,
      cut: null,
      condition: { kind: 'class' as const, label_B: dropLabels(label_B, rng, labelDrop) },
    };
    const context = { rng, train: true };
    const target = { values_BlC: lesson.values_BLC, ...(index_Bl && { index_Bl: cut(index_Bl, length) }) };
    const loss_BL = head.loss(backbone.teach(lesson, context), target, context);
    const weights = weight_L.shape[0] === length ? weight_L : tf.slice(weight_L, [0], [length]);
    const loss = tf.mean(tf.sum(tf.mul(loss_BL, weights), 1)) as Scalar;
    const scale_S = tf.stack(tf.split(loss_BL, [...sizes], 1).map((part) => tf.mean(part))) as Tensor1D;
    return { loss, aux: { scale_S } };
  };
}

/** The first scales, together as long as `length`. */
function scalesOf(all: readonly number[], length: number): readonly number[] {
  const count = all.findIndex((_, scale) => total(all.slice(0, scale + 1)) === length) + 1;
  if (count > 0) return all.slice(0, count);
  const expected = `one for each token of the first scales, of ${all.join(', ')} tokens`;
  throw new TesseraError({ code: 'weights-length', who: 'training', got: `${length} token weights`, expected });
}

function total(sizes: readonly number[]): number {
  return sizes.reduce((sum, size) => sum + size, 0);
}
