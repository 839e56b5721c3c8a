import * as tf from '@tensorflow/tfjs';
import type { Tensor, Tensor2D } from '@tensorflow/tfjs';
import { TesseraError } from '@tessera/errors';
import { defineOwnFused } from '../fused.ts';

interface Inputs {
  /** [N, I]. */
  readonly x: Tensor;
  /** [O, I]. */
  readonly weight: Tensor;
  readonly bias: Tensor;
}

/**
 * Gemm starts from the bias and adds the product to it, which saves a pass over the result. The bias' gradient is a
 * product with ones, several times as fast as a sum over rows.
 */
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
 * Goes through two dimensions, because the gradient of tfjs' batched product does not sum over a broadcast batch.
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
  const sum = bias_O
    ? fusedLinear({ x: flat, weight: weight_OI, bias: bias_O }, {})
    : tf.matMul(flat as Tensor2D, weight_OI as Tensor2D, false, true);
  return (x.rank === 2 ? sum : tf.reshape(sum, [...x.shape.slice(0, -1), outputs])) as T;
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
