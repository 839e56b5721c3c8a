import * as tf from '@tensorflow/tfjs';
import type { Tensor, Tensor2D, Tensor4D } from '@tensorflow/tfjs';
import { TesseraError } from '@tessera/errors';
import { defineOwnFused } from '../fused.ts';
import { fusedLinearInt8, int8FormFor, type Int8Form } from './int8.ts';

interface Inputs {
  /** [N, I]. */
  readonly x: Tensor;
  /** [O, I]. */
  readonly weight: Tensor;
  readonly bias: Tensor;
}

/** The bias' gradient is a product with ones, several times as fast as a sum over rows. */
export const fusedLinear = defineOwnFused<Inputs, object>({
  name: 'TesseraLinear',
  shape: ({ x, weight }) => [x.shape[0]!, weight.shape[0]!],
  forward: ({ x, weight, bias }) => tf.add(tf.matMul(x as Tensor2D, weight as Tensor2D, false, true), bias),
  gradient: ({ dy, inputs: { x, weight } }) => ({
    x: () => tf.matMul(dy as Tensor2D, weight as Tensor2D),
    weight: () => tf.matMul(dy as Tensor2D, x as Tensor2D, true, false),
    bias: () => tf.reshape(tf.matMul(tf.ones([1, dy.shape[0]!]) as Tensor2D, dy as Tensor2D), [dy.shape[1]!]),
  }),
});

/**
 * `x @ weight^T + bias` over the last axis: `x` [..., I], `weight_OI`, `bias_O` -> [..., O].
 * A weight that the model was opened with in 8 bits is multiplied in 8 bits: see int8.ts.
 * Computed in two dimensions, because the gradient of tfjs' batched product does not sum over a broadcast batch.
 * @throws TesseraError `shape-mismatch`
 */
export function linear<T extends Tensor>(x: T, weight_OI: Tensor, bias_O?: Tensor | null): T {
  const inputs = x.shape.at(-1)!;
  const [outputs, expected] = weight_OI.shape as [number, number];
  if (weight_OI.rank !== 2 || expected !== inputs) {
    throw new TesseraError({
      code: 'shape-mismatch',
      who: 'nn.linear',
      got: `x [${x.shape}] with a weight of [${weight_OI.shape}]`,
      expected: 'a weight of [outputs, inputs] whose inputs equal the last axis of x',
    });
  }
  const flat = x.rank === 2 ? x : tf.reshape(x, [-1, inputs]);
  const form = int8FormFor(weight_OI);
  const sum = form ? inInt8(flat, form, bias_O) : inFloat32(flat, weight_OI, bias_O);
  return (x.rank === 2 ? sum : tf.reshape(sum, [...x.shape.slice(0, -1), outputs])) as T;
}

function inInt8(x_NI: Tensor, { codes_IO, scale_O }: Int8Form, bias_O?: Tensor | null): Tensor {
  return fusedLinearInt8({ x: x_NI, codes: codes_IO, scale: scale_O, bias: bias_O ?? undefined }, {});
}

function inFloat32(x_NI: Tensor, weight_OI: Tensor, bias_O?: Tensor | null): Tensor {
  if (bias_O) return fusedLinear({ x: x_NI, weight: weight_OI, bias: bias_O }, {});
  return tf.matMul(x_NI as Tensor2D, weight_OI as Tensor2D, false, true);
}

/** Rows of `table_VC` by `index` (int32, any shape) -> [...index, C]. */
export function embedding(table_VC: Tensor, index: Tensor): Tensor {
  return tf.gather(table_VC, index as tf.Tensor1D);
}

/** Unit length along the last axis: `x / max(|x|, eps)`. Same shape as `x`; the gradient at zero is finite. */
export function normalize<T extends Tensor>(x: T, eps: number): T {
  const squared = tf.sum(tf.square(x), -1, true);
  return tf.mul(x, tf.rsqrt(tf.maximum(squared, eps * eps))) as T;
}

interface AttentionInputs {
  readonly q: Tensor;
  readonly k: Tensor;
  readonly v: Tensor;
  readonly bias: Tensor | undefined;
}

interface AttentionAttrs {
  readonly scale: number;
}

/** Differentiated through its parts: the backward pass then reuses the softmax instead of computing it again. */
export const fusedAttention = defineOwnFused<AttentionInputs, AttentionAttrs>({
  name: 'TesseraAttention',
  shape: ({ q, v }) => [...q.shape.slice(0, 3), v.shape[3]!],
  forward: ({ q, k, v, bias }, { scale }) => {
    const scores = tf.matMul(tf.mul(q, scale), k, false, true);
    return tf.matMul(tf.softmax(bias ? tf.add(scores, bias) : scores), v);
  },
});

/**
 * Scaled dot-product attention (Vaswani et al. 2017, equation 1), `softmax(scale * q k^T + bias) v` for each head: `q_BNlH`, `k_BNLH`, `v_BNLH` -> [B, N, l, H].
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
