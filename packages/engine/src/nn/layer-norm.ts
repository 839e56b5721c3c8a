import * as tf from '@tensorflow/tfjs';
import type { Tensor } from '@tensorflow/tfjs';
import { defineOwnFused } from '../fused.ts';
import type { OnnxBuilder } from '../onnx/lowering.ts';

interface Inputs {
  readonly x: Tensor;
  readonly weight: Tensor | undefined;
  readonly bias: Tensor | undefined;
}

interface Attrs {
  readonly eps: number;
}

const fusedLayerNorm = defineOwnFused<Inputs, Attrs>({
  name: 'TesseraLayerNorm',
  shape: ({ x }) => x.shape,
  forward: ({ x, weight, bias }, { eps }) => {
    const centred = tf.sub(x, tf.mean(x, -1, true));
    const normal = tf.mul(centred, inverseDeviation(centred, eps));
    const scaled = weight ? tf.mul(normal, weight) : normal;
    return bias ? tf.add(scaled, bias) : scaled;
  },
  gradient: ({ dy, inputs: { x, weight, bias }, y, attrs }) => {
    const normal = weight || bias ? plain(x, attrs) : y;
    const scaled = weight ? tf.mul(dy, weight) : dy;
    return {
      x: () => fusedGradient({ x, normal, dy: scaled }, attrs),
      ...(weight && { weight: () => overRows(tf.mul(dy, normal)) }),
      ...(bias && { bias: () => overRows(dy) }),
    };
  },
  lower: ({ inputs, attrs }, onnx) => {
    const { x, weight, bias } = inputs;
    const channels = x!.shape.at(-1)!;
    const scale = weight ? onnx.name(weight) : ones(channels, onnx);
    const shift = bias ? [onnx.name(bias)] : [];
    return standardise([onnx.name(x!), scale, ...shift], attrs.eps as number, onnx)[0]!;
  },
});

interface GradientInputs {
  readonly x: Tensor;
  /** x with zero mean and unit variance. */
  readonly normal: Tensor;
  readonly dy: Tensor;
}

/** Gradient of plain normalisation: (dy - mean(dy) - normal mean(dy normal)) / deviation. */
const fusedGradient = defineOwnFused<GradientInputs, Attrs>({
  name: 'TesseraLayerNormGradient',
  shape: ({ x }) => x.shape,
  forward: ({ x, normal, dy }, { eps }) => {
    const along = tf.mul(normal, tf.mean(tf.mul(dy, normal), -1, true));
    const across = tf.sub(tf.sub(dy, tf.mean(dy, -1, true)), along);
    return tf.mul(across, inverseDeviation(tf.sub(x, tf.mean(x, -1, true)), eps));
  },
  lower: ({ inputs, attrs }, onnx) => {
    const x = onnx.name(inputs.x!);
    const scale = ones(inputs.x!.shape.at(-1)!, onnx);
    const deviation = standardise([x, scale], attrs.eps as number, onnx)[2]!;
    return normalisedGradient({ dy: onnx.name(inputs.dy!), normal: onnx.name(inputs.normal!), deviation }, onnx);
  },
});

/**
 * LayerNormalization over the last axis with all its outputs: result, mean, inverse deviation. Always with all, so that
 * ONNX Runtime finds the forward node again where a gradient needs the deviation.
 */
export function standardise(inputs: readonly string[], eps: number, onnx: OnnxBuilder): readonly string[] {
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

function inverseDeviation(centred: Tensor, eps: number): Tensor {
  return tf.rsqrt(tf.add(tf.mean(tf.square(centred), -1, true), eps));
}

function ones(channels: number, onnx: OnnxBuilder): string {
  return onnx.constant(new Float32Array(channels).fill(1), 'float32', [channels]);
}

function overRows(x: Tensor): Tensor {
  return tf.sum(
    x,
    x.shape.slice(0, -1).map((_, axis) => axis),
  );
}

function plain(x: Tensor, attrs: Attrs): Tensor {
  return fusedLayerNorm({ x, weight: undefined, bias: undefined }, attrs);
}

/** Zero mean and unit variance along the last axis, then `* weight + bias` where they are given. Same shape as `x`. */
export function layerNorm<T extends Tensor>(x: T, eps: number, weight?: Tensor | null, bias?: Tensor | null): T {
  return fusedLayerNorm({ x, weight: weight ?? undefined, bias: bias ?? undefined }, { eps }) as T;
}
