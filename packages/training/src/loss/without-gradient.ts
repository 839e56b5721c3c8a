import * as tf from '@tensorflow/tfjs';
import type { Tensor } from '@tensorflow/tfjs';

/** The value of `compute` as a constant: no gradient flows into or through it. `compute` must return a new tensor. */
export function withoutGradient<T extends Tensor>(compute: () => T): T {
  return tf.customGrad<T>(() => ({ value: compute(), gradFunc: () => [] }))();
}
