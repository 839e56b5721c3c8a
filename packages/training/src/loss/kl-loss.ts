import * as tf from '@tensorflow/tfjs';
import type { Scalar } from '@tensorflow/tfjs';
import type { TraceRng } from '@tessera/engine';
import { decodeLatent, encodeMoments, klDivergence, latentOf, type KlVae } from '@tessera/tokenizer-continuous';
import {
  reconstructionLoss,
  type ImageBatch,
  type ReconstructionLoss,
  type ReconstructionOptions,
} from './reconstruction-loss.ts';

export interface KlLossOptions extends ReconstructionOptions {
  /** Weight of the divergence from the standard normal distribution, averaged over the latent's numbers. */
  readonly kl: number;
}

/**
 * Loss of a variational autoencoder (Kingma and Welling 2014, as in latent diffusion, Rombach et al. 2022, appendix G).
 * Aux: `kl`, a number of the latent. Random stream: `posterior`. Pure and traceable.
 */
export function klLoss(
  model: KlVae,
  { kl: weight, ...options }: KlLossOptions,
): (batch: ImageBatch, rng: TraceRng) => ReconstructionLoss {
  return reconstructionLoss((image_BHWC, rng: TraceRng) => {
    const moments_Bhw2z = encodeMoments(model, image_BHWC);
    const [batch, height, width, twice] = moments_Bhw2z.shape;
    const shape = [batch, height, width, twice / 2];
    const latent_Bhwz = latentOf(moments_Bhw2z, rng.normal('posterior', shape) as tf.Tensor4D);
    const numbers = height * width * (twice / 2);
    const kl = tf.div(tf.mean(klDivergence(moments_Bhw2z)), numbers) as Scalar;
    return { made_BHWC: decodeLatent(model, latent_Bhwz), own: tf.mul(kl, weight) as Scalar, aux: { kl } };
  }, options);
}
