import * as tf from '@tensorflow/tfjs';
import type { Tensor, Tensor2D, Tensor3D } from '@tensorflow/tfjs';

/** For each row its own entries along the second axis: `x` [B, n, D] at `index_Bl` (int32) -> [B, l, D]. */
export function rowsAt(x_BnD: Tensor3D, index_Bl: Tensor2D): Tensor3D {
  const [B, n, D] = x_BnD.shape;
  return tf.gather(tf.reshape(x_BnD, [B * n, D]), flatIndex(index_Bl, n)) as Tensor as Tensor3D;
}

/** Indices within each row as indices into all rows laid end to end. */
export function flatIndex(index_Bl: Tensor2D, rowLength: number): Tensor2D {
  const B = index_Bl.shape[0];
  const starts_B1 = tf.reshape(tf.range(0, B * rowLength, rowLength, 'int32'), [B, 1]);
  return tf.add(index_Bl, starts_B1);
}
