import * as tf from '@tensorflow/tfjs';
import type { Scalar, Tensor, Tensor4D } from '@tensorflow/tfjs';
import { toNetworkRange } from '@tessera/autoencoder';
import { reconstruct, type VqVae } from '@tessera/tokenizer-vq';
import { adversarialLoss } from './adversarial.ts';
import type { Discriminator } from './patch-discriminator.ts';
import { perceptualLoss, type FeatureNetwork } from './perceptual.ts';

/** What a multi-scale VQ-VAE is trained for. Errors are measured in [-1, 1]. */
export interface VqLossOptions {
  readonly l1: number;
  readonly l2: number;
  readonly perceptual: { readonly weight: number; readonly network: FeatureNetwork } | null;
  readonly adversarial: { readonly weight: number; readonly discriminator: Discriminator } | null;
}

export interface VqBatch {
  /** In [0, 1]. */
  readonly image_BHWC: Tensor;
  /** A scalar that switches the adversarial term on and off; left out: on. */
  readonly adversarial_share?: Tensor;
}

export interface VqLoss {
  readonly loss: Scalar;
  /**
   * `l1`, `l2`, `quantiser` (codebook and commitment), `perceptual`, `adversarial`; `hits_SV`; `made_BHWC` in [-1, 1];
   * `residual_BLC`, what each scale had to explain.
   */
  readonly aux: Record<string, Tensor>;
}

/**
 * Loss of the multi-scale VQ-VAE (VAR section 3.2, after VQGAN): reconstruction, codebook and commitment, and where
 * asked for a perceptual and an adversarial term. `image_BHWC` in [0, 1]. Pure and traceable.
 */
export function vqLoss(model: VqVae, options: VqLossOptions): (batch: VqBatch) => VqLoss {
  return ({ image_BHWC, adversarial_share }) => {
    const real = toNetworkRange(image_BHWC as Tensor4D);
    const { image_BHWC: made, loss: quantiser, hits_SV, residual_BLC } = reconstruct(model, real);
    const l1 = tf.mean(tf.abs(tf.sub(made, real))) as Scalar;
    const l2 = tf.mean(tf.square(tf.sub(made, real))) as Scalar;
    const aux: Record<string, Tensor> = { l1, l2, quantiser, hits_SV, made_BHWC: made, residual_BLC };
    const parts = [tf.mul(l1, options.l1), tf.mul(l2, options.l2), quantiser];
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
