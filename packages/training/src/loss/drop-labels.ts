import * as tf from '@tensorflow/tfjs';
import type { Tensor } from '@tensorflow/tfjs';
import type { TraceRng } from '@tessera/engine';

/** Labels of which a share becomes the null class, -1, for guidance. Random stream: `label-drop`, a uniform an image. */
export function dropLabels(label_B: Tensor, rng: TraceRng, share: number): Tensor {
  const dropped_B = tf.less(rng.uniform('label-drop', [...label_B.shape]), share);
  return tf.where(dropped_B, tf.neg(tf.onesLike(label_B)), label_B);
}
