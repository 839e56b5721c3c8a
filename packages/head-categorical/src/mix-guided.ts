import * as tf from '@tensorflow/tfjs';
import type { Tensor1D, Tensor3D } from '@tensorflow/tfjs';

/**
 * Classifier-free guidance `u + w (c - u)`: rows 0..B-1 saw the condition (c), rows B..2B-1 the null class (u);
 * [2B, l, X] -> [B, l, X]. Logits are linear in the hidden states, so either may be mixed.
 */
export function mixGuided(values_RlX: Tensor3D, weight_1: Tensor1D): Tensor3D {
  const [rows, tokens, width] = values_RlX.shape;
  const halves = tf.split(tf.reshape(values_RlX, [2, rows / 2, tokens, width]), 2, 0);
  const [conditional, unconditional] = halves.map((half) => tf.reshape(half, [rows / 2, tokens, width]));
  return tf.add(unconditional!, tf.mul(tf.sub(conditional!, unconditional!), weight_1)) as Tensor3D;
}
