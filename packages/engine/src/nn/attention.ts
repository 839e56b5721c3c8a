import * as tf from '@tensorflow/tfjs';
import type { Tensor, Tensor4D } from '@tensorflow/tfjs';

/**
 * `softmax(scale * q k^T + bias) v` for each head: `q_BNlH`, `k_BNLH`, `v_BNLH` -> [B, N, l, H].
 * `bias` is broadcast to [B, N, l, L]; a large negative number there hides a key.
 */
export function attention(
  q_BNlH: Tensor4D,
  k_BNLH: Tensor4D,
  v_BNLH: Tensor4D,
  scale: number,
  bias?: Tensor | null,
): Tensor4D {
  const scores = tf.matMul(tf.mul(q_BNlH, scale), k_BNLH, false, true);
  return tf.matMul(tf.softmax(bias ? tf.add(scores, bias) : scores), v_BNLH) as Tensor4D;
}
