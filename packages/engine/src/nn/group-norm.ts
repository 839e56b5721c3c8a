import * as tf from '@tensorflow/tfjs';
import type { Tensor, Tensor4D } from '@tensorflow/tfjs';
import { TesseraError } from '@tessera/errors';
import { defineFused } from '../fused.ts';
import type { OnnxBuilder } from '../onnx/lowering.ts';
import type { Value } from '../trace/graph.ts';
import { normalisedGradient, standardise } from './layer-norm.ts';

interface Attrs {
  readonly groups: number;
  readonly eps: number;
}

interface Inputs {
  readonly x: Tensor;
}

/** Without weight and bias: those are one multiplication and one addition that differentiate by themselves. */
const fusedGroupNorm = defineFused<Inputs, Attrs>({
  name: 'TesseraGroupNorm',
  shape: ({ x }) => x.shape,
  forward: ({ x }, { groups, eps }) => {
    const centred = centre(tf.reshape(x, grouped(x.shape, groups)));
    return tf.reshape(tf.mul(centred, inverseDeviation(centred, eps)), x.shape);
  },
  gradient: ({ dy, inputs: { x }, y, attrs }) => ({ x: () => fusedGradient({ x, normal: y, dy }, attrs) }),
  lower: ({ inputs, attrs }, onnx) => {
    const { groups, eps } = attrs as unknown as Attrs;
    const rows = toRows(inputs.x!, groups, onnx);
    return fromRows(standardise([rows, ones(inputs.x!, groups, onnx)], eps, onnx)[0]!, inputs.x!, onnx);
  },
});

interface GradientInputs extends Inputs {
  /** x with zero mean and unit variance. */
  readonly normal: Tensor;
  readonly dy: Tensor;
}

const fusedGradient = defineFused<GradientInputs, Attrs>({
  name: 'TesseraGroupNormGradient',
  shape: ({ x }) => x.shape,
  forward: ({ x, normal, dy }, { groups, eps }) => {
    const shape = grouped(x.shape, groups);
    const [unit, slope] = [tf.reshape(normal, shape), tf.reshape(dy, shape)];
    const along = tf.mul(unit, tf.mean(tf.mul(slope, unit), [1, 3], true));
    const across = tf.sub(centre(slope), along);
    return tf.reshape(tf.mul(across, inverseDeviation(centre(tf.reshape(x, shape)), eps)), x.shape);
  },
  lower: ({ inputs, attrs }, onnx) => {
    const { groups, eps } = attrs as unknown as Attrs;
    const x = inputs.x!;
    const deviation = standardise([toRows(x, groups, onnx), ones(x, groups, onnx)], eps, onnx)[2]!;
    const [dy, normal] = [toRows(inputs.dy!, groups, onnx), toRows(inputs.normal!, groups, onnx)];
    return fromRows(normalisedGradient({ dy, normal, deviation }, onnx), x, onnx);
  },
});

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

/** NHWC to [B, groups, C / groups * H * W], one row per statistic; the transpose meets a convolution's and vanishes. */
function toRows(x: Value, groups: number, onnx: OnnxBuilder): string {
  const nchw = onnx.op('Transpose', [onnx.name(x)], { perm: [0, 3, 1, 2] });
  return onnx.op('Reshape', [nchw, onnx.ints([0, groups, -1])]);
}

function fromRows(rows: string, x: Value, onnx: OnnxBuilder): string {
  const [batch, height, width, channels] = x.shape as [number, number, number, number];
  const nchw = onnx.op('Reshape', [rows, onnx.ints([batch, channels, height, width])]);
  return onnx.op('Transpose', [nchw], { perm: [0, 2, 3, 1] });
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
  return tf.add(tf.mul(fusedGroupNorm({ x: x_BHWC }, { groups, eps }), weight_C), bias_C);
}
