import type { Tensor4D } from '@tensorflow/tfjs';
import { toNetworkRange } from '@tessera/autoencoder';
import { encodeMoments, klConfig, latentOf, openKlVae } from '@tessera/tokenizer-continuous';
import { klLoss } from '../loss/kl-loss.ts';
import type { KlRecipe } from '../recipe/recipe.ts';
import { latentScaleOf } from './latent-scale.ts';
import { previewOf } from './preview-fit.ts';
import type { TokenizerKind } from './tokenizer-kind.ts';

const WHO = 'training';

/** The variational autoencoder: the scale of its latents is measured, never assumed. */
export const klKind: TokenizerKind<KlRecipe> = {
  draft: (config) => ({ latentScale: 1, ...config }),
  learner({ recipe, config, weights }) {
    const model = openKlVae(klConfig.parse(config, WHO), weights);
    return {
      loss: (options) => klLoss(model, { ...options, kl: recipe.loss.kl }),
      terms: ['kl'],
    };
  },
  async settle({ engine, data, config, weights, encoded }) {
    const model = openKlVae(klConfig.parse(config, WHO), weights);
    const [height, width] = encoded.shape as readonly [number, number];
    const mapOf = (image_BHWC: Tensor4D) => latentOf(encodeMoments(model, toNetworkRange(image_BHWC)), null);
    const latentScale = latentScaleOf(encoded);
    return { latentScale, preview: await previewOf(engine, data, { height, width, mapOf }) };
  },
};
