import * as tf from '@tensorflow/tfjs';
import type { Tensor } from '@tensorflow/tfjs';

/** Unit length along the last axis: `x / max(|x|, eps)`. Same shape as `x`; the gradient at zero is finite. */
export function normalize<T extends Tensor>(x: T, eps: number): T {
  const squared = tf.sum(tf.square(x), -1, true);
  return tf.mul(x, tf.rsqrt(tf.maximum(squared, eps * eps))) as T;
}
