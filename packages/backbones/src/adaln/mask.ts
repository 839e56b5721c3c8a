import * as tf from '@tensorflow/tfjs';
import type { Tensor4D } from '@tensorflow/tfjs';

/** Far below every score, so that softmax gives exactly 0; finite, since infinities turn into NaN where all are hidden. */
const HIDDEN = -1e9;

/**
 * Added to the scores, [l, l]: a token sees those of its own group and of lower ones. Scales for block-causal attention,
 * the token's own number for causal.
 */
export function maskValues(group_l: ArrayLike<number>): Float32Array {
  const { length } = group_l;
  const mask = new Float32Array(length * length);
  for (let query = 0; query < length; query++) {
    for (let key = 0; key < length; key++) if (group_l[key]! > group_l[query]!) mask[query * length + key] = HIDDEN;
  }
  return mask;
}

/** The same as a tensor [1, 1, l, l]. */
export function maskOf(group_l: ArrayLike<number>): Tensor4D {
  return tf.tensor4d(maskValues(group_l), [1, 1, group_l.length, group_l.length]);
}
