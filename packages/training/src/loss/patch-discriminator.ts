import * as tf from '@tensorflow/tfjs';
import type { Scalar, Tensor4D } from '@tensorflow/tfjs';
import type { Weights } from '@tessera/core';
import { nn } from '@tessera/engine';

/** Says of every patch of an image in [-1, 1] how real it looks: [B, H, W, C] -> [B, h, w, 1]. */
export type Discriminator = (image_BHWC: Tensor4D) => Tensor4D;

export interface DiscriminatorConfig {
  readonly channels: number;
  /** Width of the first level; each further level doubles it. */
  readonly width: number;
  /** Levels that halve the image. */
  readonly levels: number;
}

/** A patch discriminator (Isola et al. 2017), with group instead of batch normalisation: no statistics to carry along. */
export function patchDiscriminator(weights: Weights, { channels, width, levels }: DiscriminatorConfig): Discriminator {
  const layers = Array.from({ length: levels }, (_, level) => {
    const [from, to] = [level === 0 ? channels : width * 2 ** (level - 1), width * 2 ** level];
    const path = `level.${level}`;
    return { conv: takeConv(weights, `${path}.conv`, { from, to }), norm: takeNorm(weights, `${path}.norm`, to) };
  });
  const last = takeConv(weights, 'out', { from: width * 2 ** (levels - 1), to: 1 });
  return (image_BHWC) => {
    let x = image_BHWC;
    for (const [level, { conv, norm }] of layers.entries()) {
      x = nn.conv2d(x, conv.weight, conv.bias, { stride: 2, pad: 1 });
      if (level > 0) x = nn.groupNorm(x, norm.weight, norm.bias, 4, 1e-6);
      x = tf.leakyRelu(x, 0.2);
    }
    return nn.conv2d(x, last.weight, last.bias, { pad: 1 });
  };
}

function takeConv(weights: Weights, path: string, { from, to }: { from: number; to: number }) {
  const init = { kind: 'normal', std: Math.sqrt(2 / (9 * from)) } as const;
  return {
    weight: weights.param(`${path}.weight`, [to, from, 3, 3], { init, decay: true }),
    bias: weights.param(`${path}.bias`, [to], { init: { kind: 'zeros' }, decay: false }),
  };
}

function takeNorm(weights: Weights, path: string, channels: number) {
  return {
    weight: weights.param(`${path}.weight`, [channels], { init: { kind: 'ones' }, decay: false }),
    bias: weights.param(`${path}.bias`, [channels], { init: { kind: 'zeros' }, decay: false }),
  };
}

/** Hinge loss of the discriminator: real patches above 1, made ones below -1. */
export function discriminatorLoss(discriminator: Discriminator, real_BHWC: Tensor4D, made_BHWC: Tensor4D): Scalar {
  const real = tf.mean(tf.relu(tf.sub(1, discriminator(real_BHWC))));
  const made = tf.mean(tf.relu(tf.add(1, discriminator(made_BHWC))));
  return tf.mul(0.5, tf.add(real, made));
}
