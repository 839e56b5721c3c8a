import * as tf from '@tensorflow/tfjs';
import type { Tensor1D, Tensor2D, Tensor3D } from '@tensorflow/tfjs';
import { nn } from '@tessera/engine';

/**
 * Cross entropy of each token, [B, L], with label smoothing: the target is `(1 - s) onehot + s / V`.
 * `index_BL` is int32. Traceable.
 */
export function categoricalLoss(logits_BLV: Tensor3D, index_BL: Tensor2D, smoothing: number): Tensor2D {
  const [B, L, V] = logits_BLV.shape;
  const logits_NV = tf.reshape(logits_BLV, [B * L, V]) as Tensor2D;
  const index_N = tf.reshape(index_BL, [B * L]) as Tensor1D;
  return tf.reshape(nn.crossEntropy(logits_NV, index_N, smoothing), [B, L]);
}
