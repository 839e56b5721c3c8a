import {
  type Fused,
  MULTIPLIER_0,
  MULTIPLIER_1,
  type Value,
  fusedOps,
  shapesOf,
  squaresOf,
} from '@tessera/engine/target';
import type { OnnxBuilder, OnnxLowering } from './builder.ts';
import { convInt8, linearInt8 } from './lower-int8.ts';

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

/** The distribution to reach, V numbers a row and all zero but one, is never written out. */
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

/*
 * Normalisation and its gradients. Every statistic comes from LayerNormalization, which ONNX Runtime has as one kernel.
 */

interface GroupAttrs {
  readonly groups: number;
  readonly eps: number;
}

const layerNorm: OnnxLowering = ({ inputs, attrs }, onnx) => {
  const { x, weight, bias } = inputs;
  const channels = x!.shape.at(-1)!;
  const scale = weight ? onnx.name(weight) : onesOf(channels, onnx);
  const shift = bias ? [onnx.name(bias)] : [];
  return standardise([onnx.name(x!), scale, ...shift], attrs.eps as number, onnx)[0]!;
};

const layerNormGradient: OnnxLowering = ({ inputs, attrs }, onnx) => {
  const x = onnx.name(inputs.x!);
  const scale = onesOf(inputs.x!.shape.at(-1)!, onnx);
  const deviation = standardise([x, scale], attrs.eps as number, onnx)[2]!;
  return normalisedGradient({ dy: onnx.name(inputs.dy!), normal: onnx.name(inputs.normal!), deviation }, onnx);
};

/**
 * LayerNormalization over the last axis with all its outputs: result, mean, inverse deviation. Always all of
 * them, so that ONNX Runtime recognises the forward node where a gradient needs the deviation.
 */
function standardise(inputs: readonly string[], eps: number, onnx: OnnxBuilder): readonly string[] {
  return onnx.ops('LayerNormalization', inputs, 3, { axis: -1, epsilon: { float: eps } });
}

/** Names of ONNX values; `deviation` is the inverse deviation, 1 in the last axis. */
interface NormalisedGradient {
  readonly dy: string;
  readonly normal: string;
  readonly deviation: string;
}

/** The gradient of normalisation over the last axis as ONNX nodes. */
function normalisedGradient({ dy, normal, deviation }: NormalisedGradient, onnx: OnnxBuilder): string {
  const last = onnx.ints([-1]);
  const mean = onnx.op('ReduceMean', [dy, last], { keepdims: 1 });
  const pull = onnx.op('ReduceMean', [onnx.op('Mul', [dy, normal]), last], { keepdims: 1 });
  const along = onnx.op('Mul', [normal, pull]);
  return onnx.op('Mul', [onnx.op('Sub', [onnx.op('Sub', [dy, mean]), along]), deviation]);
}

function onesOf(channels: number, onnx: OnnxBuilder): string {
  return onnx.constant(new Float32Array(channels).fill(1), 'float32', [channels]);
}

const groupNorm: OnnxLowering = ({ inputs, attrs }, onnx) => {
  const { groups, eps } = attrs as unknown as GroupAttrs;
  const x = inputs.x!;
  const [normal] = standardise([toRows(x, groups, onnx), onesOfGroup(x, groups, onnx)], eps, onnx);
  const planes = onnx.op('Mul', [toPlanes(normal!, x, onnx), perPlane(inputs.weight!, onnx)]);
  return fromPlanes(onnx.op('Add', [planes, perPlane(inputs.bias!, onnx)]), x, onnx);
};

const groupNormGradient: OnnxLowering = ({ inputs, attrs }, onnx) => {
  const { groups, eps } = attrs as unknown as GroupAttrs;
  const { x, weight, dy } = inputs as { x: Value; weight: Value; dy: Value };
  const [normal, , deviation] = standardise([toRows(x, groups, onnx), onesOfGroup(x, groups, onnx)], eps, onnx);
  const { unit, slope, along, sum } = planeSums({ x, dy, normal: normal! }, onnx);
  // Three passes over the planes; everything else is computed on one number per plane.
  const [batch, height, width, channels] = x.shape as [number, number, number, number];
  const perGroup = onnx.ints([batch, groups, channels / groups]);
  const perPlaneShape = onnx.ints([batch, channels, 1]);
  const mean = (sums: string): string => {
    const weighted = onnx.op('Mul', [onnx.op('Reshape', [sums, perPlaneShape]), perPlane(weight, onnx)]);
    const total = onnx.op('ReduceMean', [onnx.op('Reshape', [weighted, perGroup]), onnx.ints([-1])], { keepdims: 1 });
    const scaled = onnx.op('Mul', [total, onnx.scalar(1 / (height * width), 'float32')]);
    const shares = onnx.op('Expand', [onnx.op('Mul', [scaled, deviation!]), perGroup]);
    return onnx.op('Reshape', [shares, perPlaneShape]);
  };
  const spread = onnx.op('Reshape', [onnx.op('Expand', [deviation!, perGroup]), perPlaneShape]);
  const pulled = onnx.op('Mul', [slope, onnx.op('Mul', [spread, perPlane(weight, onnx)])]);
  const away = onnx.op('Sub', [pulled, onnx.op('Mul', [unit, mean(along)])]);
  return fromPlanes(onnx.op('Sub', [away, mean(sum)]), x, onnx);
};

const groupNormWeightGradient: OnnxLowering = ({ inputs, attrs }, onnx) => {
  const { groups, eps } = attrs as unknown as GroupAttrs;
  const x = inputs.x!;
  const [normal] = standardise([toRows(x, groups, onnx), onesOfGroup(x, groups, onnx)], eps, onnx);
  const { along } = planeSums({ x, dy: inputs.dy!, normal: normal! }, onnx);
  return onnx.op('ReduceSum', [along, onnx.ints([0])], { keepdims: 0 });
};

/** From the sums of planes, which the other gradients need as well and which are computed once. */
const groupNormBiasGradient: OnnxLowering = ({ inputs }, onnx) =>
  onnx.op('ReduceSum', [sumOfPlanes(inputs.dy!, onnx).sum, onnx.ints([0])], { keepdims: 0 });

/** The normalised image and dy as planes [B, C, H W], and for each plane [B, C] the sums of dy times it and of dy. */
function planeSums({ x, dy, normal }: { x: Value; dy: Value; normal: string }, onnx: OnnxBuilder) {
  const unit = toPlanes(normal, x, onnx);
  const { slope, sum } = sumOfPlanes(dy, onnx);
  const along = onnx.op('ReduceSum', [onnx.op('Mul', [slope, unit]), onnx.ints([-1])], { keepdims: 0 });
  return { unit, slope, along, sum };
}

/** dy as planes [B, C, H W], and the sum of each. */
function sumOfPlanes(dy: Value, onnx: OnnxBuilder) {
  const slope = toPlanes(onnx.op('Transpose', [onnx.name(dy)], { perm: [0, 3, 1, 2] }), dy, onnx);
  return { slope, sum: onnx.op('ReduceSum', [slope, onnx.ints([-1])], { keepdims: 0 }) };
}

/** NHWC to [B, groups, C / groups * H * W], one row per statistic; the transpose meets a convolution's and vanishes. */
function toRows(x: Value, groups: number, onnx: OnnxBuilder): string {
  const nchw = onnx.op('Transpose', [onnx.name(x)], { perm: [0, 3, 1, 2] });
  return onnx.op('Reshape', [nchw, onnx.ints([0, groups, -1])]);
}

function toPlanes(nchw: string, x: Value, onnx: OnnxBuilder): string {
  const [batch, height, width, channels] = x.shape as [number, number, number, number];
  return onnx.op('Reshape', [nchw, onnx.ints([batch, channels, height * width])]);
}

function fromPlanes(planes: string, x: Value, onnx: OnnxBuilder): string {
  const [batch, height, width, channels] = x.shape as [number, number, number, number];
  const nchw = onnx.op('Reshape', [planes, onnx.ints([batch, channels, height, width])]);
  return onnx.op('Transpose', [nchw], { perm: [0, 2, 3, 1] });
}

/** A number per channel as [C, 1], beside planes: broadcasting it over long rows is 5 times as fast as over channels. */
function perPlane(channels: Value, onnx: OnnxBuilder): string {
  return onnx.op('Reshape', [onnx.name(channels), onnx.ints([-1, 1])]);
}

/** Measured: LayerNormalization over [B, groups, -1] is 1-1.5 times as fast as InstanceNormalization. */
function onesOfGroup(x: Value, groups: number, onnx: OnnxBuilder): string {
  const [, height, width, channels] = x.shape as [number, number, number, number];
  return onnx.op('Expand', [onnx.scalar(1, 'float32'), onnx.ints([(channels / groups) * height * width])]);
}

/** Fused ops with nodes of their own. */
export const FUSED: ReadonlyMap<Fused, OnnxLowering> = new Map<Fused, OnnxLowering>([
  [fusedOps.layerNorm, layerNorm],
  [fusedOps.layerNormGradient, layerNormGradient],
  [fusedOps.groupNorm, groupNorm],
  [fusedOps.groupNormGradient, groupNormGradient],
  [fusedOps.groupNormWeightGradient, groupNormWeightGradient],
  [fusedOps.groupNormBiasGradient, groupNormBiasGradient],
  [fusedOps.linear, linear],
  [fusedOps.linearInt8, linearInt8],
  [fusedOps.convInt8, convInt8],
  [fusedOps.silu, silu],
  [fusedOps.gelu, gelu],
  [fusedOps.attention, attention],
  [fusedOps.crossEntropy, crossEntropy],
  [fusedOps.crossEntropyGradient, crossEntropyGradient],
  [fusedOps.interleave, interleave],
  [fusedOps.squares, squares],
  [fusedOps.hashUniform, hashUniform],
]);
