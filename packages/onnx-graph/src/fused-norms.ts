import { fusedOps, type Fused, type Value } from '@tessera/engine/target';
import type { OnnxBuilder, OnnxLowering } from './builder.ts';

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
 * LayerNormalization over the last axis with all its outputs: result, mean, inverse deviation. Always with all, so that
 * ONNX Runtime finds the forward node again where a gradient needs the deviation.
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
  // Everything but three passes over the planes happens on one number per plane.
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

/** By planes, whose sums the other gradients want as well: they are made once. */
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

export const NORMS: readonly (readonly [Fused, OnnxLowering])[] = [
  [fusedOps.layerNorm, layerNorm],
  [fusedOps.layerNormGradient, layerNormGradient],
  [fusedOps.groupNorm, groupNorm],
  [fusedOps.groupNormGradient, groupNormGradient],
  [fusedOps.groupNormWeightGradient, groupNormWeightGradient],
  [fusedOps.groupNormBiasGradient, groupNormBiasGradient],
];
