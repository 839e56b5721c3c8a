import * as tf from '@tensorflow/tfjs';
import type { Scalar, Tensor, Tensor4D } from '@tensorflow/tfjs';
import { toNetworkRange } from '@tessera/autoencoder';
import { nullable, schema, type FieldsType } from '@tessera/schema';
import { adversarialFields, adversarialLoss } from './adversarial.ts';
import type { Discriminator } from './discriminator.ts';
import { perceptualField, perceptualLoss, type PerceptualNetwork } from './perceptual.ts';

const { number, optional } = schema;
const weight = number({ min: 0 });

/** Fields of `tokenizer.loss` that every autoencoder has: weights of the terms, 0 for none. */
export const reconstructionFields = {
  l1: optional(weight, 1),
  l2: optional(weight, 1),
  /** A weight, on the judge's feature maps; or `{ weight, network }`, on those of a feature network. */
  perceptual: optional(perceptualField, 0),
  adversarial: optional(nullable(adversarialFields), null),
} as const;

export type ReconstructionRecipe = FieldsType<typeof reconstructionFields>;

/** Weights and networks of the terms that every autoencoder is trained with. Errors are measured in [-1, 1]. */
export interface ReconstructionOptions {
  readonly l1: number;
  readonly l2: number;
  readonly perceptual: { readonly weight: number; readonly network: PerceptualNetwork } | null;
  readonly adversarial: { readonly weight: number; readonly discriminator: Discriminator } | null;
}

export interface ImageBatch {
  /** In [0, 1]. */
  readonly image_BHWC: Tensor;
  /** A scalar, 0 or 1, that switches the adversarial term off and on. Left out: on. */
  readonly adversarial_share?: Tensor;
}

/** What an autoencoder makes of an image: encoded and decoded. */
export interface Reconstruction {
  /** Around [-1, 1], unclamped. */
  readonly made_BHWC: Tensor4D;
  /** The loss of its latents: codebook and commitment, or divergence from a standard normal distribution. */
  readonly latentLoss: Scalar;
  readonly aux: Record<string, Tensor>;
}

export interface ReconstructionLoss {
  readonly loss: Scalar;
  /** `l1`, `l2`, `perceptual`, `adversarial`; `made_BHWC` in [-1, 1]; and the aux values of `reconstruct`. */
  readonly aux: Record<string, Tensor>;
}

/**
 * Loss of an autoencoder (after VQGAN, Esser et al. 2021, equations 4 to 6): reconstruction, the loss of its latents, and
 * optionally a perceptual and an adversarial term. `reconstruct` takes images in [-1, 1]. Pure and traceable.
 */
export function reconstructionLoss<A extends readonly unknown[]>(
  reconstruct: (image_BHWC: Tensor4D, ...rest: A) => Reconstruction,
  options: ReconstructionOptions,
): (batch: ImageBatch, ...rest: A) => ReconstructionLoss {
  return ({ image_BHWC, adversarial_share }, ...rest) => {
    const real = toNetworkRange(image_BHWC as Tensor4D);
    const { made_BHWC: made, latentLoss, aux: passed } = reconstruct(real, ...rest);
    const l1 = tf.mean(tf.abs(tf.sub(made, real))) as Scalar;
    const l2 = tf.mean(tf.square(tf.sub(made, real))) as Scalar;
    const aux: Record<string, Tensor> = { l1, l2, ...passed, made_BHWC: made };
    const parts = [tf.mul(l1, options.l1), tf.mul(l2, options.l2), latentLoss];
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
      const adversarial = adversarialLoss(made, { discriminator, reconstruction });
      aux['adversarial'] = adversarial.loss;
      const share = adversarial_share ? tf.mul(adversarial_share, weight) : tf.scalar(weight);
      parts.push(tf.mul(adversarial.loss, share));
    }
    return { loss: tf.addN(parts) as Scalar, aux };
  };
}

/** From [-1, 1] to [0, 1]. Not clamped, so that the gradient does not vanish outside of the range. */
function toPixels(image_BHWC: Tensor4D): Tensor4D {
  return tf.mul(tf.add(image_BHWC, 1), 0.5);
}
