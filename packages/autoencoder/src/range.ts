import * as tf from '@tensorflow/tfjs';
import type { Tensor4D } from '@tensorflow/tfjs';

/** Pixels in [0, 1] to the network's [-1, 1]. */
export function toNetworkRange(pixels_BHWC: Tensor4D): Tensor4D {
  return tf.sub(tf.mul(pixels_BHWC, 2), 1);
}

/** The network's [-1, 1] to pixels in [0, 1]; what lies outside is clamped. */
export function toPixelRange(image_BHWC: Tensor4D): Tensor4D {
  return tf.mul(tf.add(tf.clipByValue(image_BHWC, -1, 1), 1), 0.5);
}
