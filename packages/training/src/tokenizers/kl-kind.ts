import { fitPreviewOnImages, klConfig, openKlVae } from '@tessera/tokenizer-continuous';
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
    const preview = await previewOf(data, (image_BHWC) => fitPreviewOnImages(engine, model, image_BHWC));
    return { latentScale: latentScaleOf(encoded), preview };
  },
};
