import * as tf from '@tensorflow/tfjs';
import type { Tensor, Tensor4D } from '@tensorflow/tfjs';
import { TesseraError } from '@tessera/errors';

/**
 * Group normalisation (Wu & He 2018): zero mean and unit variance over each image's group of adjacent channels.
 * `x_BHWC`, `weight_C`, `bias_C` -> [B, H, W, C].
 * @throws TesseraError `shape-mismatch`
 */
export function groupNorm(x_BHWC: Tensor4D, weight_C: Tensor, bias_C: Tensor, groups: number, eps: number): Tensor4D {
  const [batch, height, width, channels] = x_BHWC.shape;
  if (channels % groups !== 0) {
    throw new TesseraError({
      code: 'shape-mismatch',
      who: 'nn.groupNorm',
      got: `${channels} channels for ${groups} groups`,
      expected: 'a number of channels that the number of groups divides',
    });
  }
  const grouped = tf.reshape(x_BHWC, [batch, height * width, groups, channels / groups]);
  const centred = tf.sub(grouped, tf.mean(grouped, [1, 3], true));
  const variance = tf.mean(tf.square(centred), [1, 3], true);
  const normal = tf.mul(centred, tf.rsqrt(tf.add(variance, eps)));
  return tf.add(tf.mul(tf.reshape(normal, x_BHWC.shape), weight_C), bias_C);
}
