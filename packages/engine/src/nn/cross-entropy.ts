import * as tf from '@tensorflow/tfjs';
import type { Tensor, Tensor1D, Tensor2D } from '@tensorflow/tfjs';
import { TesseraError } from '@tessera/errors';
import { defineOwnFused } from '../fused.ts';

interface Inputs {
  /** [N, V]. */
  readonly logits: Tensor;
  /** int32 [N]. */
  readonly index: Tensor;
}

interface Attrs {
  readonly smoothing: number;
}

/** Where a target runs it whole, the distribution to reach is never written out: V numbers a row, all zero but one. */
export const fusedCrossEntropy = defineOwnFused<Inputs, Attrs>({
  name: 'TesseraCrossEntropy',
  shape: ({ index }) => index.shape,
  forward: ({ logits, index }, attrs) =>
    tf.neg(tf.sum(tf.mul(tf.logSoftmax(logits), target(logits, index, attrs)), -1)),
  gradient: ({ dy, inputs: { logits, index }, attrs }) => ({
    logits: () => fusedCrossEntropyGradient({ logits, index, dy }, attrs),
  }),
});

interface GradientInputs extends Inputs {
  /** [N]. */
  readonly dy: Tensor;
}

/** dy times probability minus target. */
export const fusedCrossEntropyGradient = defineOwnFused<GradientInputs, Attrs>({
  name: 'TesseraCrossEntropyGradient',
  shape: ({ logits }) => logits.shape,
  forward: ({ logits, index, dy }, attrs) =>
    tf.mul(tf.sub(tf.softmax(logits), target(logits, index, attrs)), tf.expandDims(dy, -1)),
});

function target(logits: Tensor, index: Tensor, { smoothing }: Attrs): Tensor {
  const classes = logits.shape[1]!;
  const rest = smoothing / classes;
  return tf.oneHot(index as Tensor1D, classes, 1 - smoothing + rest, rest, 'float32');
}

/**
 * `-log softmax(logits)[index]` per row: `logits_NV`, `index_N` (int32, 0 to V - 1) -> [N]. With `smoothing` s the
 * target has 1 - s at the index and s spread evenly over all classes, as in PyTorch's cross_entropy.
 * @throws TesseraError `shape-mismatch`
 */
export function crossEntropy(logits_NV: Tensor2D, index_N: Tensor, smoothing = 0): Tensor1D {
  if (index_N.rank !== 1 || index_N.shape[0] !== logits_NV.shape[0]) {
    throw new TesseraError({
      code: 'shape-mismatch',
      who: 'nn.crossEntropy',
      got: `logits [${logits_NV.shape}] with indices [${index_N.shape}]`,
      expected: 'logits of [rows, classes] and one index per row',
    });
  }
  return fusedCrossEntropy({ logits: logits_NV, index: index_N }, { smoothing }) as Tensor1D;
}
