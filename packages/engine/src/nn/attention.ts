import * as tf from '@tensorflow/tfjs';
import type { Tensor, Tensor4D } from '@tensorflow/tfjs';
import { defineOwnFused } from '../fused.ts';

interface Inputs {
  readonly q: Tensor;
  readonly k: Tensor;
  readonly v: Tensor;
  readonly bias: Tensor | undefined;
}

interface Attrs {
  readonly scale: number;
}

/**
 * ONNX' Attention (opset 23) is faster than com.microsoft's MultiHeadAttention at every size measured, with and without
 * a bias. Differentiated through its parts: the backward pass then reuses the softmax instead of making it again.
 */
export const fusedAttention = defineOwnFused<Inputs, Attrs>({
  name: 'TesseraAttention',
  shape: ({ q, v }) => [...q.shape.slice(0, 3), v.shape[3]!],
  forward: ({ q, k, v, bias }, { scale }) => {
    const scores = tf.matMul(tf.mul(q, scale), k, false, true);
    return tf.matMul(tf.softmax(bias ? tf.add(scores, bias) : scores), v);
  },
});

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
  const spread = bias ? overQueries(bias, q_BNlH.shape[2]) : undefined;
  return fusedAttention({ q: q_BNlH, k: k_BNLH, v: v_BNLH, bias: spread }, { scale }) as Tensor4D;
}

/** ONNX' Attention broadcasts a bias over images and heads, but not over queries. */
function overQueries(bias: Tensor, queries: number): Tensor {
  return bias.shape.at(-2) === queries ? bias : tf.add(bias, tf.zeros([queries, 1]));
}
