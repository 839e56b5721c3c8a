import * as tf from '@tensorflow/tfjs';
import type { Tensor, Tensor2D } from '@tensorflow/tfjs';
import { TesseraError } from '@tessera/errors';

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
  const product = tf.matMul(flat, weight_OI as Tensor2D, false, true);
  const sum = bias_O ? tf.add(product, bias_O) : product;
  return (x.rank === 2 ? sum : tf.reshape(sum, [...x.shape.slice(0, -1), outputs])) as T;
}
