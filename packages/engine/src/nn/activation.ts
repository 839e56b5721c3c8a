import * as tf from '@tensorflow/tfjs';
import type { Tensor } from '@tensorflow/tfjs';

/** `x * sigmoid(x)`. */
export function silu<T extends Tensor>(x: T): T {
  return tf.mul(x, tf.sigmoid(x)) as T;
}

const SQRT_2_OVER_PI = Math.sqrt(2 / Math.PI);

/** Gaussian error linear unit (Hendrycks & Gimpel 2016): exact by `erf`, or the paper's `tanh` approximation. */
export function gelu<T extends Tensor>(x: T, form: 'tanh' | 'erf'): T {
  const squashed =
    form === 'erf'
      ? tf.erf(tf.mul(x, Math.SQRT1_2))
      : tf.tanh(tf.mul(SQRT_2_OVER_PI, tf.add(x, tf.mul(0.044715, tf.mul(x, tf.square(x))))));
  return tf.mul(tf.mul(x, 0.5), tf.add(1, squashed)) as T;
}
