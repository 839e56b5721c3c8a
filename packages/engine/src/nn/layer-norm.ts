import * as tf from '@tensorflow/tfjs';
import type { Tensor } from '@tensorflow/tfjs';

/** Zero mean and unit variance along the last axis, then `* weight + bias` where they are given. Same shape as `x`. */
export function layerNorm<T extends Tensor>(x: T, eps: number, weight?: Tensor | null, bias?: Tensor | null): T {
  const centred = tf.sub(x, tf.mean(x, -1, true));
  const variance = tf.mean(tf.square(centred), -1, true);
  const normal = tf.mul(centred, tf.rsqrt(tf.add(variance, eps)));
  const scaled = weight ? tf.mul(normal, weight) : normal;
  return (bias ? tf.add(scaled, bias) : scaled) as T;
}
