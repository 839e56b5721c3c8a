import * as tf from '@tensorflow/tfjs';
import type { Scalar, Tensor, Tensor1D, Tensor2D } from '@tensorflow/tfjs';
import type { Encoding, Layout } from '@tessera/core';
import { keyedRng, tensorFrom, type TraceRng } from '@tessera/engine';
import {
  type BatchConditions,
  type BatchKey,
  droppedOf,
  type LossParts,
  type Objective,
  type ObjectiveOptions,
  requireEstimates,
  splitBatch,
  tokensAt,
  visitOrders,
} from './objective.ts';

/** One training batch of cached encodings, in which a part of each scale is known. */
export interface PartBatch extends Encoding, BatchConditions {
  /** Positions in the order in which they become known, and the rank of each position in it; int32. */
  readonly order_BL: Tensor;
  readonly rank_BL: Tensor;
  /** 1 where the token is known, else 0. */
  readonly known_BL: Tensor;
}

/**
 * Loss of masked prediction within scales (HMAR, arXiv 2506.04421, section 3.3): the hidden tokens of every scale are predicted
 * from its known ones and from the true coarser scales. The hidden tokens of a scale are averaged; a scale weighs as many as
 * its tokens, as in next-scale prediction; images are averaged. Aux: `scale_S`, the mean loss of each scale. Random streams:
 * `label-drop`, and those of tokenizer, backbone and head. Pure and traceable. @throws TesseraError `tokenizer-not-next-scale`
 */
export function scalePartsLoss(
  { tokenizer, backbone, head }: LossParts,
  { conditionDrop }: { readonly conditionDrop: number },
): (batch: PartBatch, rng: TraceRng) => { loss: Scalar; aux: { scale_S: Tensor1D } } {
  const { layout } = tokenizer;
  requireEstimates(tokenizer);
  const sizes = layout.scales.map(({ height, width }) => height * width);
  return (given, rng) => {
    const { encoded, others } = splitBatch(given);
    const { order_BL, rank_BL, known_BL, ...encoding } = others;
    const tokens = tokenizer.draw(encoding, rng);
    const trainBatch = {
      values_BLC: tokens.values_BlC,
      estimates_BLC: tokenizer.estimates!(tokens.values_BlC),
      order_BL: order_BL as Tensor2D,
      rank_BL: rank_BL as Tensor2D,
      cut: null,
      known_BL: known_BL as Tensor2D,
      condition: { encoded, dropped_B: droppedOf(order_BL.shape[0]!, rng, conditionDrop) },
    };
    const context = { rng, train: true };
    const hidden = backbone.teach(trainBatch, context);
    const loss_BL = head.loss(hidden, tokensAt(tokens, hidden.positions_Bl), context);
    const at = hidden.positions_Bl;
    const hidden_BL = tf.sub(1, at ? tf.gather(known_BL, at, 1, 1) : known_BL);
    const means = tf.split(tf.mul(loss_BL, hidden_BL), sizes, 1).map((sum, scale) => {
      const start = layout.scales[scale]!.start;
      const count = tf.sum(tf.slice(hidden_BL, [0, start], [-1, sizes[scale]!]), 1);
      return tf.mean(tf.div(tf.sum(sum, 1), count)) as Scalar;
    });
    const scale_S = tf.stack(means) as Tensor1D;
    const share_S = tf.tensor1d(sizes.map((size) => size / layout.length));
    return { loss: tf.sum(tf.mul(scale_S, share_S)) as Scalar, aux: { scale_S } };
  };
}

/** Predicts the hidden tokens of every scale, of which each image hides a share of its own. */
export function scalePartsObjective({ parts, recipe, seed }: ObjectiveOptions): Objective {
  const { layout } = parts.tokenizer;
  const loss = scalePartsLoss(parts, { conditionDrop: recipe.conditionDrop });
  return {
    loss: (batch, rng) => loss(batch as unknown as PartBatch, rng),
    inputs(key) {
      const { order_BL, rank_BL } = visitOrders(parts, { ...key, seed });
      const order = order_BL.dataSync<'int32'>();
      const known = knownParts(order, layout, { ...key, seed });
      return { order_BL, rank_BL, known_BL: tensorFrom(known, [key.images, layout.length]) };
    },
    programs: 1,
    figures: ['scale_S'],
  };
}

/**
 * Which tokens are known, [B, L]: of each scale the first of its order, all but a share of cos(pi/2 u), rounded up (MaskGIT, arXiv
 * 2202.04200, section 3.1), with u uniform. Random stream: `hidden-share`, one uniform per image and scale.
 */
export function knownParts(
  order_BL: ArrayLike<number>,
  { length, scales }: Layout,
  { images, number, seed }: BatchKey & { readonly seed: number },
): Float32Array {
  const rng = keyedRng([seed]);
  const known = new Float32Array(images * length);
  for (let image = 0; image < images; image++) {
    const draws = rng.uniform({ row: 0, stream: 'hidden-share', step: number, position: image }, scales.length);
    for (const [scale, { start, height, width }] of scales.entries()) {
      const n = height * width;
      const hidden = Math.max(1, Math.ceil(n * Math.cos((Math.PI / 2) * draws[scale]!)));
      // In the order of the image, the tokens of a scale follow one another.
      for (let rank = start; rank < start + n - hidden; rank++)
        known[image * length + order_BL[image * length + rank]!] = 1;
    }
  }
  return known;
}
