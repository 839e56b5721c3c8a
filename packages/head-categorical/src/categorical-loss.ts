import * as tf from '@tensorflow/tfjs';
import type { Tensor2D, Tensor3D } from '@tensorflow/tfjs';

/**
 * Cross entropy of each token, [B, L], with label smoothing: the target is `(1 - s) onehot + s / V`.
 * `index_BL` is int32. Traceable.
 */
export function categoricalLoss(logits_BLV: Tensor3D, index_BL: Tensor2D, smoothing: number): Tensor2D {
  const [B, L, V] = logits_BLV.shape;
  const logProbability_NV = tf.logSoftmax(tf.reshape(logits_BLV, [B * L, V]));
  const rest = smoothing / V;
  const target_NV = tf.oneHot(tf.reshape(index_BL, [B * L]), V, 1 - smoothing + rest, rest, 'float32');
  return tf.reshape(tf.neg(tf.sum(tf.mul(target_NV, logProbability_NV), -1)), [B, L]);
}
