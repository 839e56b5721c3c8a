import * as tf from '@tensorflow/tfjs';
import type { Scalar, Tensor1D, Tensor2D, Tensor3D, Tensor4D } from '@tensorflow/tfjs';
import { asTokens, remainder } from '@tessera/autoencoder';
import { nn } from '@tessera/engine';
import { contribution } from './accumulate.ts';
import { lookUp, nearestCode, type Quantizer } from './quantizer.ts';

/** The quantiser's training forward. */
export interface Learned {
  /** The quantised map in value; its gradient goes straight to the features. */
  readonly map_BHWC: Tensor4D;
  /** Codebook loss + beta * commitment loss, averaged over scales. */
  readonly loss: Scalar;
  /** How often each code was chosen at each scale, float32. */
  readonly hits_SV: Tensor2D;
  /** What every position of every scale had to explain, [B, L, C]: dead codes may start again from these. */
  readonly residual_BLC: Tensor3D;
}

/**
 * Quantises features so that encoder, codebook and phi can learn (VAR section 3.2): after every scale the running map is
 * held against the features, with gradients to the codes and phis of all scales so far, and to the features by `beta`.
 * Pure and traceable.
 */
export function learnToQuantize(quantizer: Quantizer, features_BHWC: Tensor4D, beta: number): Learned {
  const { sizes } = quantizer;
  const fixed_BHWC = nn.withoutGradient(() => tf.clone(features_BHWC));
  const losses: Scalar[] = [];
  const hits: Tensor1D[] = [];
  const residuals: Tensor3D[] = [];
  let rest_BHWC = fixed_BHWC;
  let map_BHWC: Tensor4D | null = null;
  for (const scale of sizes.keys()) {
    const rest = rest_BHWC;
    const residual_BhwC = nn.withoutGradient(() => tf.clone(remainder(rest, { scale, sizes })));
    const index_Bl = nn.withoutGradient(() => nearestCode(quantizer, residual_BhwC));
    residuals.push(asTokens(residual_BhwC));
    hits.push(nn.withoutGradient(() => countHits(index_Bl, quantizer)));
    const added = contribution(quantizer, lookUp(quantizer, index_Bl), { scale });
    const map: Tensor4D = map_BHWC === null ? added : tf.add(map_BHWC, added);
    const still = nn.withoutGradient(() => tf.clone(map));
    const commitment = tf.mul(meanSquare(tf.sub(still, features_BHWC)), beta);
    losses.push(tf.add(commitment, meanSquare(tf.sub(map, fixed_BHWC))));
    rest_BHWC = nn.withoutGradient(() => tf.sub(rest, added));
    map_BHWC = map;
  }
  const map = map_BHWC!;
  const correction = nn.withoutGradient(() => tf.sub(map, features_BHWC));
  return {
    map_BHWC: tf.add(features_BHWC, correction),
    loss: tf.div(
      losses.reduce((sum, one) => tf.add(sum, one)),
      losses.length,
    ),
    hits_SV: tf.stack(hits) as Tensor2D,
    residual_BLC: residuals.length === 1 ? residuals[0]! : tf.concat(residuals, 1),
  };
}

function meanSquare(x: Tensor4D): Scalar {
  return tf.mean(tf.square(x));
}

function countHits(index_Bl: Tensor2D, { codebook_VC }: Quantizer): Tensor1D {
  const index_N = tf.reshape(index_Bl, [-1]) as Tensor1D;
  // Ones made from the indices themselves: a constant would fix the size of the batch.
  const ones_N = tf.cast(tf.greaterEqual(index_N, 0), 'float32');
  return tf.unsortedSegmentSum(ones_N, index_N, codebook_VC.shape[0]) as Tensor1D;
}
