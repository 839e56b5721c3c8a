import * as tf from '@tensorflow/tfjs';
import type { Tensor } from '@tensorflow/tfjs';

/**
 * Computes without the tape, so that no gradient flows into or through `compute` ("stop gradient"). A custom gradient of
 * no inputs hides everything inside it from tfjs' tape; the usual gradient of zeros would still run the way back.
 * `compute` must return a new tensor.
 */
export function withoutGradient<T extends Tensor>(compute: () => T): T {
  return tf.customGrad<T>(() => ({ value: compute(), gradFunc: () => [] }))();
}
