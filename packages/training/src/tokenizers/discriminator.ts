import * as tf from '@tensorflow/tfjs';
import type { Scalar, Tensor, Tensor1D, Tensor4D } from '@tensorflow/tfjs';
import type { Weights } from '@tessera/core';
import { nn } from '@tessera/engine';

/** Rates how real every patch of an image in [-1, 1] looks: [B, H, W, C] -> [B, h, w, 1]. */
export type Discriminator = (image_BHWC: Tensor4D) => Tensor4D;

interface DiscriminatorConfig {
  readonly channels: number;
  /** Width of the first level; each further level doubles it. */
  readonly width: number;
  /** Levels that halve the image. */
  readonly levels: number;
}

/** A patch discriminator (Isola et al. 2017), with group instead of batch normalisation, which keeps no statistics. */
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
      x = leaky(x);
    }
    return nn.conv2d(x, last.weight, last.bias, { pad: 1 });
  };
}

/** The leaky rectifier, of slope 0.2, with a gradient that has a gradient: that of tfjs compares numbers, which has none. */
function leaky<T extends Tensor>(x: T): T {
  return tf.mul(
    x,
    nn.withoutGradient(() => tf.step(x, 0.2)),
  );
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

/** What a discriminator is trained on. Images are in [-1, 1]. */
export interface DiscriminatorBatch {
  readonly real_BHWC: Tensor4D;
  readonly made_BHWC: Tensor4D;
  /** Weight of the gradient penalty; left out, it is not computed. */
  readonly r1?: Tensor | undefined;
  /** Weight of the LeCam term, and the mean ratings of the past: of real images, of made ones. Left out: no such term. */
  readonly lecam?: { readonly weight: Tensor; readonly anchors_2: Tensor1D } | undefined;
}

/**
 * Hinge loss of the discriminator (Lim and Ye 2017): it pushes real patches above 1 and made ones below -1. Terms that
 * keep it smooth are added where the batch asks for them. Aux: `hinge`, `r1`, `lecam`, and the mean ratings `real` and
 * `made`. Pure and traceable.
 */
export function discriminatorLoss(
  discriminator: Discriminator,
  { real_BHWC, made_BHWC, r1, lecam }: DiscriminatorBatch,
): { loss: Scalar; aux: Record<string, Tensor> } {
  const [real_Bhw1, made_Bhw1] = [discriminator(real_BHWC), discriminator(made_BHWC)];
  const missed = tf.mean(tf.relu(tf.sub(1, real_Bhw1)));
  const fooled = tf.mean(tf.relu(tf.add(1, made_Bhw1)));
  const hinge = tf.mul(0.5, tf.add(missed, fooled)) as Scalar;
  const aux: Record<string, Tensor> = { hinge, real: tf.mean(real_Bhw1), made: tf.mean(made_Bhw1) };
  const parts: Tensor[] = [hinge];
  if (r1) {
    aux['r1'] = gradientPenalty(discriminator, real_BHWC);
    parts.push(tf.mul(aux['r1'], r1));
  }
  if (lecam) {
    aux['lecam'] = lecamPenalty({ real_Bhw1, made_Bhw1 }, lecam.anchors_2);
    parts.push(tf.mul(aux['lecam'], lecam.weight));
  }
  return { loss: tf.addN(parts) as Scalar, aux };
}

/**
 * R1 (Mescheder et al. 2018, equation 9): half the squared length of the gradient at a real image, averaged over images.
 * An image's rating is the mean of its patches.
 */
export function gradientPenalty(discriminator: Discriminator, real_BHWC: Tensor4D): Scalar {
  const rated = (image: Tensor): Scalar => tf.sum(tf.mean(discriminator(image as Tensor4D), [1, 2, 3]));
  const slope_BHWC = tf.grad(rated)(real_BHWC);
  return tf.mul(0.5, tf.mean(tf.sum(tf.square(slope_BHWC), [1, 2, 3])));
}

/**
 * LeCam regularisation (Tseng et al. 2021, equation 5, with the rectifiers of its code): real images should not be rated
 * far above what made ones were rated in the past, nor made ones far below the real ones.
 */
export function lecamPenalty(
  { real_Bhw1, made_Bhw1 }: { readonly real_Bhw1: Tensor; readonly made_Bhw1: Tensor },
  anchors_2: Tensor1D,
): Scalar {
  const [real, made] = tf.split(anchors_2, 2) as [Tensor, Tensor];
  const above = tf.mean(tf.square(tf.relu(tf.sub(real_Bhw1, made))));
  const below = tf.mean(tf.square(tf.relu(tf.sub(real, made_Bhw1))));
  return tf.add(above, below);
}
