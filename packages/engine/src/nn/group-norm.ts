import * as tf from '@tensorflow/tfjs';
import type { Tensor, Tensor4D } from '@tensorflow/tfjs';
import { TesseraError } from '@tessera/errors';
import { defineFused } from '../fused.ts';
import type { OnnxBuilder } from '../onnx/lowering.ts';
import type { Value } from '../trace/graph.ts';
import { standardise } from './layer-norm.ts';

interface Attrs {
  readonly groups: number;
  readonly eps: number;
}

interface Inputs {
  readonly x: Tensor;
  readonly weight: Tensor;
  readonly bias: Tensor;
}

const fusedGroupNorm = defineFused<Inputs, Attrs>({
  name: 'TesseraGroupNorm',
  shape: ({ x }) => x.shape,
  forward: ({ x, weight, bias }, attrs) => tf.add(tf.mul(standard(x, attrs), weight), bias),
  gradient: ({ dy, inputs: { x, weight }, attrs }) => ({
    x: () => fusedGradient({ x, weight, dy }, attrs),
    weight: () => fusedWeightGradient({ x, dy }, attrs),
    bias: () => fusedBiasGradient({ dy }, {}),
  }),
  lower: ({ inputs, attrs }, onnx) => {
    const { groups, eps } = attrs as unknown as Attrs;
    const x = inputs.x!;
    const [normal] = standardise([toRows(x, groups, onnx), ones(x, groups, onnx)], eps, onnx);
    const planes = onnx.op('Mul', [toPlanes(normal!, x, onnx), perPlane(inputs.weight!, onnx)]);
    return fromPlanes(onnx.op('Add', [planes, perPlane(inputs.bias!, onnx)]), x, onnx);
  },
});

interface GradientInputs {
  readonly x: Tensor;
  readonly weight: Tensor;
  readonly dy: Tensor;
}

/** (w dy - mean(w dy) - normal mean(w dy normal)) / deviation, means over each image's group. */
const fusedGradient = defineFused<GradientInputs, Attrs>({
  name: 'TesseraGroupNormGradient',
  shape: ({ x }) => x.shape,
  forward: ({ x, weight, dy }, attrs) => {
    const shape = grouped(x.shape, attrs.groups);
    const [unit, slope] = [tf.reshape(standard(x, attrs), shape), tf.reshape(tf.mul(dy, weight), shape)];
    const along = tf.mul(unit, tf.mean(tf.mul(slope, unit), [1, 3], true));
    const deviation = inverseDeviation(centre(tf.reshape(x, shape)), attrs.eps);
    return tf.reshape(tf.mul(tf.sub(centre(slope), along), deviation), x.shape);
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

interface WeightGradientInputs {
  readonly x: Tensor;
  readonly dy: Tensor;
}

const fusedWeightGradient = defineFused<WeightGradientInputs, Attrs>({
  name: 'TesseraGroupNormWeightGradient',
  shape: ({ x }) => [x.shape[3]!],
  forward: ({ x, dy }, attrs) => tf.sum(tf.mul(dy, standard(x, attrs)), [0, 1, 2]),
  lower: ({ inputs, attrs }, onnx) => {
    const { groups, eps } = attrs as unknown as Attrs;
    const x = inputs.x!;
    const [normal] = standardise([toRows(x, groups, onnx), ones(x, groups, onnx)], eps, onnx);
    const { along } = planeSums({ x, dy: inputs.dy!, normal: normal! }, onnx);
    return onnx.op('ReduceSum', [along, onnx.ints([0])], { keepdims: 0 });
  },
});

/** By planes, whose sums the other gradients want as well: ONNX Runtime makes them once. */
const fusedBiasGradient = defineFused<{ readonly dy: Tensor }, object>({
  name: 'TesseraGroupNormBiasGradient',
  shape: ({ dy }) => [dy.shape[3]!],
  forward: ({ dy }) => tf.sum(dy, [0, 1, 2]),
  lower: ({ inputs }, onnx) =>
    onnx.op('ReduceSum', [sumOfPlanes(inputs.dy!, onnx).sum, onnx.ints([0])], { keepdims: 0 }),
});

/** Zero mean and unit variance, before weight and bias. */
function standard(x: Tensor, { groups, eps }: Attrs): Tensor {
  const centred = centre(tf.reshape(x, grouped(x.shape, groups)));
  return tf.reshape(tf.mul(centred, inverseDeviation(centred, eps)), x.shape);
}

/** [B, H W, groups, C / groups]: statistics run over axes 1 and 3. */
function grouped(shape: readonly number[], groups: number): [number, number, number, number] {
  const [batch, height, width, channels] = shape as [number, number, number, number];
  return [batch, height * width, groups, channels / groups];
}

function centre(x: Tensor): Tensor {
  return tf.sub(x, tf.mean(x, [1, 3], true));
}

function inverseDeviation(centred: Tensor, eps: number): Tensor {
  return tf.rsqrt(tf.add(tf.mean(tf.square(centred), [1, 3], true), eps));
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

/**
 * Group normalisation (Wu & He 2018): zero mean and unit variance over each image's group of adjacent channels.
 * `x_BHWC`, `weight_C`, `bias_C` -> [B, H, W, C].
 * @throws TesseraError `shape-mismatch`
 */
export function groupNorm(x_BHWC: Tensor4D, weight_C: Tensor, bias_C: Tensor, groups: number, eps: number): Tensor4D {
  const channels = x_BHWC.shape[3];
  if (channels % groups !== 0) {
    throw new TesseraError({
      code: 'shape-mismatch',
      who: 'nn.groupNorm',
      got: `${channels} channels for ${groups} groups`,
      expected: 'a number of channels that the number of groups divides',
    });
  }
  return fusedGroupNorm({ x: x_BHWC, weight: weight_C, bias: bias_C }, { groups, eps }) as Tensor4D;
}
