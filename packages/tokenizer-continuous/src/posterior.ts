import * as tf from '@tensorflow/tfjs';
import type { Tensor, Tensor1D, Tensor4D } from '@tensorflow/tfjs';

/*
 * Moments are those of a diagonal Gaussian at every position: [B, h, w, 2z], z means and then z log-variances, of latents
 * before they are scaled. Pure and traceable functions.
 */

const LEAST_LOG_VARIANCE = -30;
const MOST_LOG_VARIANCE = 20;

/** The same moments with log-variances from -30 to 20, beyond which exponentials overflow. */
export function clampMoments(moments_Bhw2z: Tensor4D): Tensor4D {
  const [mean, logVariance] = halves(moments_Bhw2z);
  return tf.concat([mean, tf.clipByValue(logVariance, LEAST_LOG_VARIANCE, MOST_LOG_VARIANCE)], 3);
}

/** A latent of this distribution by standard normal `noise_Bhwz`; without noise its mean. */
export function latentOf(moments_Bhw2z: Tensor4D, noise_Bhwz: Tensor4D | null): Tensor4D {
  const [mean, logVariance] = halves(moments_Bhw2z);
  return noise_Bhwz === null ? mean : tf.add(mean, tf.mul(tf.exp(tf.mul(logVariance, 0.5)), noise_Bhwz));
}

/** Kullback-Leibler divergence from the standard normal distribution, in nats, summed over an image: [B]. */
export function klDivergence(moments_Bhw2z: Tensor4D): Tensor1D {
  const [mean, logVariance] = halves(moments_Bhw2z);
  const spread: Tensor = tf.sub(tf.exp(logVariance), tf.add(logVariance, 1));
  return tf.mul(tf.sum(tf.add(tf.square(mean), spread), [1, 2, 3]), 0.5) as Tensor1D;
}

function halves(moments_Bhw2z: Tensor4D): [Tensor4D, Tensor4D] {
  return tf.split(moments_Bhw2z, 2, 3) as [Tensor4D, Tensor4D];
}
