import * as tf from '@tensorflow/tfjs';
import type { Tensor, Tensor1D, Tensor4D } from '@tensorflow/tfjs';
import type { Encoding } from '@tessera/core';
import type { TraceRng } from '@tessera/engine';
import { TesseraError } from '@tessera/errors';

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

/**
 * Latents of an encoding, [B, h, w, z]: drawn from its distribution by the stream `posterior`, or without `rng` its means.
 * @throws TesseraError `encoding-without-moments`, of `who`
 */
export function drawLatent({ moments }: Encoding, rng: TraceRng | null, who: string): Tensor4D {
  if (moments === undefined) {
    throw new TesseraError({
      code: 'encoding-without-moments',
      who,
      got: 'an encoding without moments',
      expected: 'one that a continuous tokenizer made',
    });
  }
  const [batch, height, width, both] = (moments as Tensor4D).shape;
  const shape = [batch, height, width, both / 2] as const;
  if (rng) return latentOf(moments as Tensor4D, rng.normal('posterior', shape) as Tensor4D);
  return tf.slice(moments as Tensor4D, [0, 0, 0, 0], [...shape]) as Tensor4D;
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
