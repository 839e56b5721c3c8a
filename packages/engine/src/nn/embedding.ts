import * as tf from '@tensorflow/tfjs';
import type { Tensor } from '@tensorflow/tfjs';

/** Rows of `table_VC` by `index` (int32, any shape) -> [...index, C]. */
export function embedding(table_VC: Tensor, index: Tensor): Tensor {
  return tf.gather(table_VC, index as tf.Tensor1D);
}
