import * as tf from '@tensorflow/tfjs';
import type { Tensor, Tensor2D, Tensor4D } from '@tensorflow/tfjs';
import { TesseraError } from '@tessera/errors';
import { defineOwnFused, type FusedOp } from '../fused.ts';
import { isDifferentiating } from '../trace/tfjs-internals.ts';
import { isWhole } from '../trace/trace.ts';
import { silu } from './activations.ts';

interface LayerInputs {
  readonly x: Tensor;
  readonly weight: Tensor | undefined;
  readonly bias: Tensor | undefined;
}

interface LayerAttrs {
  readonly eps: number;
}

export const fusedLayerNorm = defineOwnFused<LayerInputs, LayerAttrs>({
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
      x: () => fusedLayerNormGradient({ x, normal, dy: scaled }, attrs),
      ...(weight && { weight: () => overRows(tf.mul(dy, normal)) }),
      ...(bias && { bias: () => overRows(dy) }),
    };
  },
});

interface LayerGradientInputs {
  readonly x: Tensor;
  /** x with zero mean and unit variance. */
  readonly normal: Tensor;
  readonly dy: Tensor;
}

/** Gradient of plain normalisation: (dy - mean(dy) - normal mean(dy normal)) / deviation. */
export const fusedLayerNormGradient = defineOwnFused<LayerGradientInputs, LayerAttrs>({
  name: 'TesseraLayerNormGradient',
  shape: ({ x }) => x.shape,
  forward: ({ x, normal, dy }, { eps }) => {
    const along = tf.mul(normal, tf.mean(tf.mul(dy, normal), -1, true));
    const across = tf.sub(tf.sub(dy, tf.mean(dy, -1, true)), along);
    return tf.mul(across, inverseDeviation(tf.sub(x, tf.mean(x, -1, true)), eps));
  },
});

function inverseDeviation(centred: Tensor, eps: number): Tensor {
  return tf.rsqrt(tf.add(tf.mean(tf.square(centred), -1, true), eps));
}

function overRows(x: Tensor): Tensor {
  return tf.sum(
    x,
    x.shape.slice(0, -1).map((_, axis) => axis),
  );
}

function plain(x: Tensor, attrs: LayerAttrs): Tensor {
  return fusedLayerNorm({ x, weight: undefined, bias: undefined }, attrs);
}

/**
 * Layer normalisation (Ba et al. 2016): zero mean and unit variance along the last axis, then `* weight + bias` where they are
 * given. Same shape as `x`.
 */
export function layerNorm<T extends Tensor>(x: T, eps: number, weight?: Tensor | null, bias?: Tensor | null): T {
  return fusedLayerNorm({ x, weight: weight ?? undefined, bias: bias ?? undefined }, { eps }) as T;
}

interface GroupAttrs {
  readonly groups: number;
  readonly eps: number;
}

interface GroupInputs {
  readonly x: Tensor;
  readonly weight: Tensor;
  readonly bias: Tensor;
}

export const fusedGroupNorm = defineOwnFused<GroupInputs, GroupAttrs>({
  name: 'TesseraGroupNorm',
  shape: ({ x }) => x.shape,
  forward: ({ x, weight, bias }, attrs) =>
    tf.reshape(tf.add(tf.mul(standard(x, attrs).normal_BPC, weight), bias), x.shape),
  gradient: ({ dy, inputs: { x, weight, bias }, attrs }) => ({
    x: () => fusedGroupNormGradient({ x, weight, bias, dy }, attrs),
    weight: () => fusedGroupNormWeightGradient({ x, weight, bias, dy }, attrs),
    bias: () => fusedGroupNormBiasGradient({ x, weight, bias, dy }, attrs),
  }),
});

/** The same inputs for all three gradients, needed or not, so that a target may compute the three in one piece. */
interface GroupGradientInputs extends GroupInputs {
  readonly dy: Tensor;
}

/** (w dy - mean(w dy) - normal mean(w dy normal)) / deviation, means over each image's group. */
export const fusedGroupNormGradient = defineOwnFused<GroupGradientInputs, GroupAttrs>({
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
});

export const fusedGroupNormWeightGradient = defineOwnFused<GroupGradientInputs, GroupAttrs>({
  name: 'TesseraGroupNormWeightGradient',
  shape: ({ x }) => [x.shape[3]!],
  forward: ({ x, dy }, attrs) => overImages(sumOver(tf.mul(planes(dy), standard(x, attrs).normal_BPC))),
});

export const fusedGroupNormBiasGradient = defineOwnFused<GroupGradientInputs, GroupAttrs>({
  name: 'TesseraGroupNormBiasGradient',
  shape: ({ dy }) => [dy.shape[3]!],
  forward: ({ dy }) => overImages(sumOver(planes(dy))),
});

/*
 * The tfjs form keeps channels last in everything as large as the image. Statistics are sums over pixels, then over the few
 * channels of a group, so that no pass runs over short rows.
 */

/** Zero mean and unit variance, before weight and bias; and the inverse deviation. */
function standard(
  x: Tensor,
  { groups, eps }: GroupAttrs,
): { readonly normal_BPC: Tensor; readonly deviation_B1C: Tensor } {
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

/** The sum over images, as a product: XLA would merge a sum over images with that over pixels, and read dy once more. */
function overImages(x_B1C: Tensor): Tensor {
  const [batch, , channels] = x_B1C.shape as [number, number, number];
  const sum_1C = tf.matMul(tf.ones([1, batch]) as Tensor2D, tf.reshape(x_B1C, [batch, channels]) as Tensor2D);
  return tf.reshape(sum_1C, [channels]);
}

/**
 * The mean of each group, for every channel of it. Written as a product with membership, since XLA would otherwise look up
 * a channel's group again at every pixel.
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

/** Used only where a target runs it in one piece; elsewhere its two parts each have their own gradient. */
export const fusedGroupNormSilu = defineOwnFused<GroupInputs, GroupAttrs>({
  name: 'TesseraGroupNormSilu',
  shape: ({ x }) => x.shape,
  forward: activated,
  gradient: ({ dy, inputs: { x, weight, bias }, attrs }) => ({
    x: () => fusedGroupNormSiluGradients.x({ x, weight, bias, dy }, attrs),
    weight: () => fusedGroupNormSiluGradients.weight({ x, weight, bias, dy }, attrs),
    bias: () => fusedGroupNormSiluGradients.bias({ x, weight, bias, dy }, attrs),
  }),
});

export const fusedGroupNormSiluGradients = {
  x: siluGradient('TesseraGroupNormSiluGradient', 'x'),
  weight: siluGradient('TesseraGroupNormSiluWeightGradient', 'weight'),
  bias: siluGradient('TesseraGroupNormSiluBiasGradient', 'bias'),
} as const;

function activated(inputs: GroupInputs, attrs: GroupAttrs): Tensor {
  return silu(fusedGroupNorm(inputs, attrs));
}

/** The gradient of one input, which is that of the parts. */
function siluGradient(name: string, wanted: 'x' | 'weight' | 'bias'): FusedOp<GroupGradientInputs, GroupAttrs> {
  return defineOwnFused<GroupGradientInputs, GroupAttrs>({
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
  const inputs = { x: x_BHWC, weight: weight_C, bias: bias_C };
  const attrs = { groups, eps };
  if (isWhole(fusedGroupNormSilu)) return fusedGroupNormSilu(inputs, attrs) as Tensor4D;
  const inParts = (): Tensor => activated(inputs, attrs);
  return (isDifferentiating() ? inParts() : tf.tidy(inParts)) as Tensor4D;
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
