import * as tf from '@tensorflow/tfjs';
import type { Scalar, Tensor, Tensor4D } from '@tensorflow/tfjs';
import { toNetworkRange } from '@tessera/autoencoder';
import { adversarialLoss } from './adversarial.ts';
import type { Discriminator } from './patch-discriminator.ts';
import { perceptualLoss, type FeatureNetwork } from './perceptual.ts';

/** What every autoencoder is trained for. Errors are measured in [-1, 1]. */
export interface ReconstructionOptions {
  readonly l1: number;
  readonly l2: number;
  readonly perceptual: { readonly weight: number; readonly network: FeatureNetwork } | null;
  readonly adversarial: { readonly weight: number; readonly discriminator: Discriminator } | null;
}

export interface ImageBatch {
  /** In [0, 1]. */
  readonly image_BHWC: Tensor;
  /** A scalar that switches the adversarial term on and off; left out: on. */
  readonly adversarial_share?: Tensor;
}

/** An image there and back. */
export interface Pass {
  /** Around [-1, 1], unclamped. */
  readonly made_BHWC: Tensor4D;
  /** What the kind of autoencoder asks for besides: codes that fit, latents near a standard normal distribution. */
  readonly own: Scalar;
  readonly aux: Record<string, Tensor>;
}

export interface ReconstructionLoss {
  readonly loss: Scalar;
  /** `l1`, `l2`, `perceptual`, `adversarial`; `made_BHWC` in [-1, 1]; and what the pass gave. */
  readonly aux: Record<string, Tensor>;
}

/**
 * Loss of an autoencoder (after VQGAN, Esser et al. 2021): reconstruction, what its kind adds, and where asked for a
 * perceptual and an adversarial term. `pass` takes images in [-1, 1]. Pure and traceable.
 */
export function reconstructionLoss<A extends readonly unknown[]>(
  pass: (image_BHWC: Tensor4D, ...rest: A) => Pass,
  options: ReconstructionOptions,
): (batch: ImageBatch, ...rest: A) => ReconstructionLoss {
  return ({ image_BHWC, adversarial_share }, ...rest) => {
    const real = toNetworkRange(image_BHWC as Tensor4D);
    const { made_BHWC: made, own, aux: passed } = pass(real, ...rest);
    const l1 = tf.mean(tf.abs(tf.sub(made, real))) as Scalar;
    const l2 = tf.mean(tf.square(tf.sub(made, real))) as Scalar;
    const aux: Record<string, Tensor> = { l1, l2, ...passed, made_BHWC: made };
    const parts = [tf.mul(l1, options.l1), tf.mul(l2, options.l2), own];
    if (options.perceptual) {
      const { network, weight } = options.perceptual;
      aux['perceptual'] = perceptualLoss(network, toPixels(made), image_BHWC as Tensor4D);
      parts.push(tf.mul(aux['perceptual'], weight));
    }
    if (options.adversarial) {
      const { discriminator, weight } = options.adversarial;
      const reconstruction = (image: Tensor4D): Scalar =>
        tf.add(
          tf.mul(tf.mean(tf.abs(tf.sub(image, real))), options.l1),
          tf.mul(tf.mean(tf.square(tf.sub(image, real))), options.l2),
        );
      const game = adversarialLoss(made, { discriminator, reconstruction });
      aux['adversarial'] = game.loss;
      const share = adversarial_share ? tf.mul(adversarial_share, weight) : tf.scalar(weight);
      parts.push(tf.mul(game.loss, share));
    }
    return { loss: tf.addN(parts) as Scalar, aux };
  };
}

/** Unclamped, so that a gradient remains outside of [0, 1]. */
function toPixels(image_BHWC: Tensor4D): Tensor4D {
  return tf.mul(tf.add(image_BHWC, 1), 0.5);
}
