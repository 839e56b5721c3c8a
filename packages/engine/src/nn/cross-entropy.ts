import * as tf from '@tensorflow/tfjs';
import type { Tensor, Tensor1D, Tensor2D } from '@tensorflow/tfjs';
import { TesseraError } from '@tessera/errors';
import { defineOwnFused } from '../fused.ts';
import type { OnnxBuilder } from '../onnx/lowering.ts';
import type { Value } from '../trace/graph.ts';

interface Inputs {
  /** [N, V]. */
  readonly logits: Tensor;
  /** int32 [N]. */
  readonly index: Tensor;
}

interface Attrs {
  readonly smoothing: number;
}

/** In graphs the target is never written out: V numbers a row that are zero but for one. */
const fusedCrossEntropy = defineOwnFused<Inputs, Attrs>({
  name: 'TesseraCrossEntropy',
  shape: ({ index }) => index.shape,
  forward: ({ logits, index }, attrs) =>
    tf.neg(tf.sum(tf.mul(tf.logSoftmax(logits), target(logits, index, attrs)), -1)),
  gradient: ({ dy, inputs: { logits, index }, attrs }) => ({
    logits: () => fusedGradient({ logits, index, dy }, attrs),
  }),
  lower: ({ inputs, attrs }, onnx) => {
    const { smoothing } = attrs as unknown as Attrs;
    const logProbability = onnx.op('LogSoftmax', [onnx.name(inputs.logits!)], { axis: -1 });
    const picked = onnx.op('GatherElements', [logProbability, places(inputs.index!, onnx)], { axis: 1 });
    const flat = onnx.op('Reshape', [picked, onnx.ints([-1])]);
    const hard = onnx.op('Mul', [flat, onnx.scalar(smoothing - 1, 'float32')]);
    if (smoothing === 0) return hard;
    const mean = onnx.op('ReduceMean', [logProbability, onnx.ints([-1])], { keepdims: 0 });
    return onnx.op('Sub', [hard, onnx.op('Mul', [mean, onnx.scalar(smoothing, 'float32')])]);
  },
});

interface GradientInputs extends Inputs {
  /** [N]. */
  readonly dy: Tensor;
}

/** dy times probability minus target. */
const fusedGradient = defineOwnFused<GradientInputs, Attrs>({
  name: 'TesseraCrossEntropyGradient',
  shape: ({ logits }) => logits.shape,
  forward: ({ logits, index, dy }, attrs) =>
    tf.mul(tf.sub(tf.softmax(logits), target(logits, index, attrs)), tf.expandDims(dy, -1)),
  lower: ({ inputs, attrs }, onnx) => {
    const { smoothing } = attrs as unknown as Attrs;
    const classes = inputs.logits!.shape[1]!;
    const dy = onnx.op('Reshape', [onnx.name(inputs.dy!), onnx.ints([-1, 1])]);
    const logProbability = onnx.op('LogSoftmax', [onnx.name(inputs.logits!)], { axis: -1 });
    const probability = onnx.op('Exp', [logProbability]);
    const soft = onnx.scalar(smoothing / classes, 'float32');
    const error = smoothing === 0 ? probability : onnx.op('Sub', [probability, soft]);
    const update = onnx.op('Mul', [dy, onnx.scalar(smoothing - 1, 'float32')]);
    const all = [onnx.op('Mul', [error, dy]), places(inputs.index!, onnx), update];
    return onnx.op('ScatterElements', all, { axis: 1, reduction: 'add' });
  },
});

function target(logits: Tensor, index: Tensor, { smoothing }: Attrs): Tensor {
  const classes = logits.shape[1]!;
  const rest = smoothing / classes;
  return tf.oneHot(index as Tensor1D, classes, 1 - smoothing + rest, rest, 'float32');
}

/** int64 [N, 1]: the column of each row. */
function places(index: Value, onnx: OnnxBuilder): string {
  return onnx.op('Reshape', [onnx.op('Cast', [onnx.name(index)], { to: INT64 }), onnx.ints([-1, 1])]);
}

const INT64 = 7;

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
