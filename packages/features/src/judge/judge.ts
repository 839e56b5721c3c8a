import * as tf from '@tensorflow/tfjs';
import type { Tensor, Tensor2D, Tensor4D } from '@tensorflow/tfjs';
import type { Weights } from '@tessera/core';
import { nn } from '@tessera/engine';

/** A small classifier. It tells the class of a sample, and its features measure the distribution of samples. */
export interface Judge {
  readonly config: JudgeConfig;
  /** Feature maps, shallow to deep, of an image in [0, 1]. Pure and traceable. */
  maps(image_BHWC: Tensor4D): readonly Tensor4D[];
  /** The deepest map, averaged over its positions: [B, D]. Pure and traceable. */
  features(image_BHWC: Tensor4D): Tensor2D;
  /** Logits from features: [B, D] -> [B, classes]. Pure and traceable. */
  classify(features_BD: Tensor2D): Tensor2D;
  /** Logits of all values of all attributes, in their order, from the deepest map: [B, S]. Pure and traceable. */
  attributes?(deepest_BHWD: Tensor4D): Tensor2D;
}

/** Something that a judge tells of the images of one class: the glasses of an avatar. */
export interface JudgedAttribute {
  readonly name: string;
  readonly values: readonly string[];
  /** The class whose images have it. */
  readonly label: number;
}

export interface JudgeConfig {
  readonly channels: number;
  readonly classes: number;
  /** Channels of each level. Every level but the first halves the image. The last level's channels are the features. */
  readonly widths: readonly number[];
  /** Residual blocks of each level, two convolutions each. Left out: none. */
  readonly blocks?: readonly number[];
  /** What it tells besides the class, read from all places of the deepest map, which has `side` rows and columns. */
  readonly attributes?: { readonly side: number; readonly of: readonly JudgedAttribute[] };
}

/** Groups of a normalisation: every width is a multiple of it. */
export const JUDGE_GROUPS = 8;

/** Builds a judge: convolution, group normalisation, SiLU and residual blocks per level, then one linear layer. */
export function openJudge(weights: Weights, config: JudgeConfig): Judge {
  const { channels, classes, widths, blocks = [] } = config;
  const levels = widths.map((to, index) => ({
    down: takeLayer(weights, `level.${index}`, { from: widths[index - 1] ?? channels, to }),
    blocks: Array.from({ length: blocks[index] ?? 0 }, (_, block) =>
      ['in', 'out'].map((part) => takeLayer(weights, `level.${index}.block.${block}.${part}`, { from: to, to })),
    ),
  }));
  const dims = widths.at(-1)!;
  const init = { kind: 'normal', std: Math.sqrt(1 / dims) } as const;
  const weight = weights.param('classify.weight', [classes, dims], { init, decay: true });
  const bias = weights.param('classify.bias', [classes], { init: { kind: 'zeros' }, decay: false });
  const maps = (image_BHWC: Tensor4D): Tensor4D[] => {
    let x: Tensor4D = tf.sub(tf.mul(image_BHWC, 2), 1);
    return levels.map(({ down, blocks: residual }, index) => {
      x = applyLayer(x, down, index === 0 ? 1 : 2);
      for (const layers of residual) {
        const change = layers.reduce((hidden, layer) => applyLayer(hidden, layer, 1), x);
        x = tf.add(x, change);
      }
      return x;
    });
  };
  return {
    config,
    maps,
    features: (image_BHWC) => tf.mean(maps(image_BHWC).at(-1)!, [1, 2]) as Tensor2D,
    classify: (features_BD) => nn.linear(features_BD, weight, bias) as Tensor2D,
    ...(config.attributes && { attributes: takeAttributes(weights, config.attributes, dims) }),
  };
}

/** One linear layer for all attributes. Unlike the average, it knows where things are. */
function takeAttributes(
  weights: Weights,
  { side, of }: NonNullable<JudgeConfig['attributes']>,
  dims: number,
): NonNullable<Judge['attributes']> {
  const size = side * side * dims;
  const values = of.reduce((sum, attribute) => sum + attribute.values.length, 0);
  const init = { kind: 'normal', std: Math.sqrt(1 / size) } as const;
  const weight = weights.param('attributes.weight', [values, size], { init, decay: true });
  const bias = weights.param('attributes.bias', [values], { init: { kind: 'zeros' }, decay: false });
  return (deepest_BHWD) => nn.linear(tf.reshape(deepest_BHWD, [-1, size]), weight, bias) as Tensor2D;
}

interface Layer {
  readonly weight: Tensor;
  readonly bias: Tensor;
  readonly scale: Tensor;
  readonly shift: Tensor;
}

function applyLayer(x_BHWC: Tensor4D, { weight, bias, scale, shift }: Layer, stride: 1 | 2): Tensor4D {
  return nn.groupNormSilu(nn.conv2d(x_BHWC, weight, bias, { stride, pad: 1 }), scale, shift, JUDGE_GROUPS, 1e-5);
}

function takeLayer(weights: Weights, path: string, { from, to }: { from: number; to: number }): Layer {
  const init = { kind: 'normal', std: Math.sqrt(2 / (9 * from)) } as const;
  const vector = (name: string, kind: 'ones' | 'zeros') =>
    weights.param(`${path}.${name}`, [to], { init: { kind }, decay: false });
  return {
    weight: weights.param(`${path}.conv.weight`, [to, from, 3, 3], { init, decay: true }),
    bias: vector('conv.bias', 'zeros'),
    scale: vector('norm.weight', 'ones'),
    shift: vector('norm.bias', 'zeros'),
  };
}
