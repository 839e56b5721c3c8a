import {
  fusedOps,
  MULTIPLIER_0,
  MULTIPLIER_1,
  shapesOf,
  squaresOf,
  type Fused,
  type Value,
} from '@tessera/engine/target';
import type { OnnxBuilder, OnnxLowering } from './builder.ts';
import { NORMS } from './fused-norms.ts';

/** TensorProto.DataType, for Cast. */
const FLOAT = 1;
const INT32 = 6;
const INT64 = 7;
const UINT32 = 12;

/** Gemm starts from the bias and adds the product to it, which saves a pass over the result. */
const linear: OnnxLowering = ({ inputs }, onnx) =>
  onnx.op('Gemm', [onnx.name(inputs.x!), onnx.name(inputs.weight!), onnx.name(inputs.bias!)], { transB: 1 });

const silu: OnnxLowering = ({ inputs }, onnx) =>
  onnx.op('QuickGelu', [onnx.name(inputs.x!)], { alpha: { float: 1 } }, 'com.microsoft');

const gelu: OnnxLowering = ({ inputs, attrs }, onnx) =>
  onnx.op('Gelu', [onnx.name(inputs.x!)], { approximate: attrs.form === 'erf' ? 'none' : 'tanh' });

/**
 * ONNX' Attention (opset 23) is faster than com.microsoft's MultiHeadAttention at every size measured, with and without
 * a bias.
 */
const attention: OnnxLowering = ({ inputs, attrs }, onnx) => {
  const { q, k, v, bias } = inputs;
  const given = [q!, k!, v!, ...(bias ? [bias] : [])];
  return onnx.op(
    'Attention',
    given.map((value) => onnx.name(value)),
    { scale: { float: attrs.scale as number } },
  );
};

/** The target is never written out: V numbers a row that are zero but for one. */
const crossEntropy: OnnxLowering = ({ inputs, attrs }, onnx) => {
  const { smoothing } = attrs as { smoothing: number };
  const logProbability = onnx.op('LogSoftmax', [onnx.name(inputs.logits!)], { axis: -1 });
  const picked = onnx.op('GatherElements', [logProbability, places(inputs.index!, onnx)], { axis: 1 });
  const flat = onnx.op('Reshape', [picked, onnx.ints([-1])]);
  const hard = onnx.op('Mul', [flat, onnx.scalar(smoothing - 1, 'float32')]);
  if (smoothing === 0) return hard;
  const mean = onnx.op('ReduceMean', [logProbability, onnx.ints([-1])], { keepdims: 0 });
  return onnx.op('Sub', [hard, onnx.op('Mul', [mean, onnx.scalar(smoothing, 'float32')])]);
};

const crossEntropyGradient: OnnxLowering = ({ inputs, attrs }, onnx) => {
  const { smoothing } = attrs as { smoothing: number };
  const classes = inputs.logits!.shape[1]!;
  const dy = onnx.op('Reshape', [onnx.name(inputs.dy!), onnx.ints([-1, 1])]);
  const logProbability = onnx.op('LogSoftmax', [onnx.name(inputs.logits!)], { axis: -1 });
  const probability = onnx.op('Exp', [logProbability]);
  const soft = onnx.scalar(smoothing / classes, 'float32');
  const error = smoothing === 0 ? probability : onnx.op('Sub', [probability, soft]);
  const update = onnx.op('Mul', [dy, onnx.scalar(smoothing - 1, 'float32')]);
  const all = [onnx.op('Mul', [error, dy]), places(inputs.index!, onnx), update];
  return onnx.op('ScatterElements', all, { axis: 1, reduction: 'add' });
};

/** int64 [N, 1]: the column of each row. */
function places(index: Value, onnx: OnnxBuilder): string {
  return onnx.op('Reshape', [onnx.op('Cast', [onnx.name(index)], { to: INT64 }), onnx.ints([-1, 1])]);
}

const interleave: OnnxLowering = ({ inputs }, onnx) => {
  const { columns, whole, inner } = shapesOf(inputs.x!);
  const apart = onnx.op('Reshape', [onnx.name(inputs.x!), onnx.ints(columns)]);
  const image = onnx.op('Reshape', [onnx.op('Transpose', [apart], { perm: [0, 2, 1, 3] }), onnx.ints(whole)]);
  const ends = [inner[1] + 1, inner[2] + 1];
  return onnx.op('Slice', [image, ...[[1, 1], ends, [1, 2]].map((values) => onnx.ints(values))]);
};

const squares: OnnxLowering = ({ inputs }, onnx) => {
  const { rows, squares } = squaresOf(inputs.x!);
  const padded = onnx.op('Pad', [onnx.name(inputs.x!), onnx.ints([0, 1, 1, 0, 0, 1, 1, 0])]);
  const apart = onnx.op('Reshape', [padded, onnx.ints(rows)]);
  return onnx.op('Reshape', [onnx.op('Transpose', [apart], { perm: [0, 2, 1, 3] }), onnx.ints(squares)]);
};

const hashUniform: OnnxLowering = ({ inputs, attrs }, onnx) => {
  const { stream, shape } = attrs as { stream: readonly [number, number]; shape: readonly number[] };
  const word = (index: number): string => onnx.op('Gather', [onnx.name(inputs.key!), onnx.ints([index])], { axis: 0 });
  const unsigned = (name: string): string => onnx.op('Cast', [name], { to: UINT32 });
  const constant = (value: number): string => unsigned(onnx.scalar(value | 0, 'int32'));
  const fold = (x: string, by: number): string =>
    onnx.op('BitwiseXor', [x, onnx.op('BitShift', [x, constant(by)], { direction: 'RIGHT' })]);

  const start = onnx.op('Add', [unsigned(word(0)), constant(stream[0])]);
  const between = onnx.op('BitwiseXor', [unsigned(word(1)), constant(stream[1])]);
  const first = onnx.op('Mul', [fold(onnx.op('Add', [positions(shape, onnx), start]), 16), constant(MULTIPLIER_0)]);
  const mixed = fold(onnx.op('BitwiseXor', [first, between]), 15);
  const second = onnx.op('Mul', [mixed, constant(MULTIPLIER_1)]);
  const bits = onnx.op('BitShift', [second, constant(8)], { direction: 'RIGHT' });
  const unit = onnx.op('Mul', [onnx.op('Cast', [bits], { to: FLOAT }), onnx.scalar(2 ** -24, 'float32')]);
  return onnx.op('Reshape', [unit, onnx.ints(shape)]);
};

/** 0, 1, 2 ... as uint32, one per element. */
function positions(shape: readonly number[], onnx: OnnxBuilder): string {
  const size = shape.reduce((a, b) => a * b, 1);
  const limit = onnx.op('Squeeze', [onnx.op('Cast', [onnx.ints([size])], { to: INT32 })]);
  const range = onnx.op('Range', [onnx.scalar(0, 'int32'), limit, onnx.scalar(1, 'int32')]);
  return onnx.op('Cast', [range], { to: UINT32 });
}

/** Fused ops with nodes of their own. */
export const FUSED: ReadonlyMap<Fused, OnnxLowering> = new Map<Fused, OnnxLowering>([
  ...NORMS,
  [fusedOps.linear, linear],
  [fusedOps.silu, silu],
  [fusedOps.gelu, gelu],
  [fusedOps.attention, attention],
  [fusedOps.crossEntropy, crossEntropy],
  [fusedOps.crossEntropyGradient, crossEntropyGradient],
  [fusedOps.interleave, interleave],
  [fusedOps.squares, squares],
  [fusedOps.hashUniform, hashUniform],
]);
