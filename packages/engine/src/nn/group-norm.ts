import * as tf from '@tensorflow/tfjs';
import type { Tensor, Tensor2D, Tensor4D } from '@tensorflow/tfjs';
import { TesseraError } from '@tessera/errors';
import { defineOwnFused, type FusedOp } from '../fused.ts';
import type { OnnxBuilder } from '../onnx/lowering.ts';
import type { Value } from '../trace/graph.ts';
import { standardise } from './layer-norm.ts';
import { silu } from './silu.ts';

interface Attrs {
  readonly groups: number;
  readonly eps: number;
}

interface Inputs {
  readonly x: Tensor;
  readonly weight: Tensor;
  readonly bias: Tensor;
}

const fusedGroupNorm = defineOwnFused<Inputs, Attrs>({
  name: 'TesseraGroupNorm',
  shape: ({ x }) => x.shape,
  forward: ({ x, weight, bias }, attrs) =>
    tf.reshape(tf.add(tf.mul(standard(x, attrs).normal_BPC, weight), bias), x.shape),
  gradient: ({ dy, inputs: { x, weight, bias }, attrs }) => ({
    x: () => fusedGradient({ x, weight, bias, dy }, attrs),
    weight: () => fusedWeightGradient({ x, weight, bias, dy }, attrs),
    bias: () => fusedBiasGradient({ x, weight, bias, dy }, attrs),
  }),
  lower: ({ inputs, attrs }, onnx) => {
    const { groups, eps } = attrs as unknown as Attrs;
    const x = inputs.x!;
    const [normal] = standardise([toRows(x, groups, onnx), ones(x, groups, onnx)], eps, onnx);
    const planes = onnx.op('Mul', [toPlanes(normal!, x, onnx), perPlane(inputs.weight!, onnx)]);
    return fromPlanes(onnx.op('Add', [planes, perPlane(inputs.bias!, onnx)]), x, onnx);
  },
});

/** The same for all three gradients, whether they need it or not: a target may compute them in one piece. */
interface GradientInputs extends Inputs {
  readonly dy: Tensor;
}

/** (w dy - mean(w dy) - normal mean(w dy normal)) / deviation, means over each image's group. */
const fusedGradient = defineOwnFused<GradientInputs, Attrs>({
  name: 'TesseraGroupNormGradient',
  shape: ({ x }) => x.shape,
  forward: ({ x, weight, dy }, attrs) => {
    const dy_BPC = planes(dy);
    const { normal_BPC, deviation_B1C } = standard(x, attrs);
    const spread = (sums_B1C: Tensor): Tensor =>
      overGroups(tf.div(tf.mul(sums_B1C, weight), dy_BPC.shape[1]!), attrs.groups);
    const along_BPC = tf.mul(normal_BPC, spread(sumOver(tf.mul(dy_BPC, normal_BPC))));
    const across_BPC = tf.sub(tf.sub(tf.mul(dy_BPC, weight), spread(sumOver(dy_BPC))), along_BPC);
    return tf.reshape(tf.mul(across_BPC, deviation_B1C), x.shape);
  },
  lower: ({ inputs, attrs }, onnx) => {
    const { groups, eps } = attrs as unknown as Attrs;
    const { x, weight, dy } = inputs as { x: Value; weight: Value; dy: Value };
    const [normal, , deviation] = standardise([toRows(x, groups, onnx), ones(x, groups, onnx)], eps, onnx);
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
  },
});

const fusedWeightGradient = defineOwnFused<GradientInputs, Attrs>({
  name: 'TesseraGroupNormWeightGradient',
  shape: ({ x }) => [x.shape[3]!],
  forward: ({ x, dy }, attrs) => overImages(sumOver(tf.mul(planes(dy), standard(x, attrs).normal_BPC))),
  lower: ({ inputs, attrs }, onnx) => {
    const { groups, eps } = attrs as unknown as Attrs;
    const x = inputs.x!;
    const [normal] = standardise([toRows(x, groups, onnx), ones(x, groups, onnx)], eps, onnx);
    const { along } = planeSums({ x, dy: inputs.dy!, normal: normal! }, onnx);
    return onnx.op('ReduceSum', [along, onnx.ints([0])], { keepdims: 0 });
  },
});

/** By planes, whose sums the other gradients want as well: they are made once. */
const fusedBiasGradient = defineOwnFused<GradientInputs, Attrs>({
  name: 'TesseraGroupNormBiasGradient',
  shape: ({ dy }) => [dy.shape[3]!],
  forward: ({ dy }) => overImages(sumOver(planes(dy))),
  lower: ({ inputs }, onnx) =>
    onnx.op('ReduceSum', [sumOfPlanes(inputs.dy!, onnx).sum, onnx.ints([0])], { keepdims: 0 }),
});

/*
 * In parts, all that is as large as the image has channels last, and statistics are sums over pixels, then over the few
 * channels of a group: no pass runs over short rows.
 */

/** Zero mean and unit variance, before weight and bias; and the inverse deviation. */
function standard(x: Tensor, { groups, eps }: Attrs): { readonly normal_BPC: Tensor; readonly deviation_B1C: Tensor } {
  const x_BPC = planes(x);
  const centred_BPC = tf.sub(x_BPC, overGroups(tf.mean(x_BPC, 1, true), groups));
  const variance_B1C = overGroups(tf.mean(tf.square(centred_BPC), 1, true), groups);
  const deviation_B1C = tf.rsqrt(tf.add(variance_B1C, eps));
  return { normal_BPC: tf.mul(centred_BPC, deviation_B1C), deviation_B1C };
}

/** [B, H, W, C] -> [B, H W, C]. */
function planes(x: Tensor): Tensor {
  const [batch, height, width, channels] = x.shape as [number, number, number, number];
  return tf.reshape(x, [batch, height * width, channels]);
}

function sumOver(x_BPC: Tensor): Tensor {
  return tf.sum(x_BPC, 1, true);
}

/** The sum over images, as a product: XLA would make one sum over images and pixels of two, and pass over dy again. */
function overImages(x_B1C: Tensor): Tensor {
  const [batch, , channels] = x_B1C.shape as [number, number, number];
  const sum_1C = tf.matMul(tf.ones([1, batch]) as Tensor2D, tf.reshape(x_B1C, [batch, channels]) as Tensor2D);
  return tf.reshape(sum_1C, [channels]);
}

/**
 * The mean of each group, for every channel of it. As a sum over the groups a channel might be in, whose result XLA
 * keeps as channels lie in memory: it would else look up a channel's group anew at every pixel.
 */
function overGroups(x_B1C: Tensor, groups: number): Tensor {
  const [batch, , channels] = x_B1C.shape as [number, number, number];
  if (groups === channels) return x_B1C;
  const size = channels / groups;
  const mean_BG1 = tf.mean(tf.reshape(x_B1C, [batch, groups, size]), 2, true);
  const members_GC = Float32Array.from({ length: groups * channels }, (_, i) =>
    Math.floor((i % channels) / size) === Math.floor(i / channels) ? 1 : 0,
  );
  return tf.sum(tf.mul(mean_BG1, tf.tensor2d(members_GC, [groups, channels])), 1, true);
}

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
function ones(x: Value, groups: number, onnx: OnnxBuilder): string {
  const [, height, width, channels] = x.shape as [number, number, number, number];
  return onnx.op('Expand', [onnx.scalar(1, 'float32'), onnx.ints([(channels / groups) * height * width])]);
}

const fusedGroupNormSilu = defineOwnFused<Inputs, Attrs>({
  name: 'TesseraGroupNormSilu',
  shape: ({ x }) => x.shape,
  forward: activated,
  gradient: ({ dy, inputs: { x, weight, bias }, attrs }) => ({
    x: () => siluGradients.x({ x, weight, bias, dy }, attrs),
    weight: () => siluGradients.weight({ x, weight, bias, dy }, attrs),
    bias: () => siluGradients.bias({ x, weight, bias, dy }, attrs),
  }),
});

const siluGradients = {
  x: siluGradient('TesseraGroupNormSiluGradient', 'x'),
  weight: siluGradient('TesseraGroupNormSiluWeightGradient', 'weight'),
  bias: siluGradient('TesseraGroupNormSiluBiasGradient', 'bias'),
} as const;

function activated(inputs: Inputs, attrs: Attrs): Tensor {
  return silu(fusedGroupNorm(inputs, attrs));
}

/** The gradient of one input, which is that of the parts. */
function siluGradient(name: string, wanted: 'x' | 'weight' | 'bias'): FusedOp<GradientInputs, Attrs> {
  return defineOwnFused<GradientInputs, Attrs>({
    name,
    shape: (inputs) => inputs[wanted].shape,
    forward: ({ dy, ...inputs }, attrs) =>
      tf.grad((value: Tensor) => activated({ ...inputs, [wanted]: value }, attrs))(inputs[wanted], dy),
  });
}

/**
 * Group normalisation (Wu & He 2018): zero mean and unit variance over each image's group of adjacent channels.
 * `x_BHWC`, `weight_C`, `bias_C` -> [B, H, W, C].
 * @throws TesseraError `shape-mismatch`
 */
export function groupNorm(x_BHWC: Tensor4D, weight_C: Tensor, bias_C: Tensor, groups: number, eps: number): Tensor4D {
  requireGroups('nn.groupNorm', x_BHWC, groups);
  return fusedGroupNorm({ x: x_BHWC, weight: weight_C, bias: bias_C }, { groups, eps }) as Tensor4D;
}

/**
 * `silu(groupNorm(x))`, which some targets compute in one piece.
 * @throws TesseraError `shape-mismatch`
 */
export function groupNormSilu(
  x_BHWC: Tensor4D,
  weight_C: Tensor,
  bias_C: Tensor,
  groups: number,
  eps: number,
): Tensor4D {
  requireGroups('nn.groupNormSilu', x_BHWC, groups);
  return fusedGroupNormSilu({ x: x_BHWC, weight: weight_C, bias: bias_C }, { groups, eps }) as Tensor4D;
}

function requireGroups(who: string, x_BHWC: Tensor4D, groups: number): void {
  const channels = x_BHWC.shape[3];
  if (channels % groups === 0) return;
  throw new TesseraError({
    code: 'shape-mismatch',
    who,
    got: `${channels} channels for ${groups} groups`,
    expected: 'a number of channels that the number of groups divides',
  });
}
