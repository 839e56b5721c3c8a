import { TesseraError } from '@tessera/errors';
import { fitPreviewOnImages, klConfig, openKlVae } from '@tessera/tokenizer-continuous';
import { klLoss } from '../loss/kl-loss.ts';
import type { KlRecipe } from '../recipe/recipe.ts';
import { latentScaleOf } from './latent-scale.ts';
import { previewOf } from './preview-fit.ts';
import type { TokenizerKind } from './tokenizer-kind.ts';

const WHO = 'training';

/** The variational autoencoder: the scale of its latents is measured, never assumed. */
export const klKind: TokenizerKind<KlRecipe> = {
  draft(config, who) {
    if (!('latentScale' in config)) return { ...config, latentScale: 1 };
    throw new TesseraError({
      code: 'recipe-misfit',
      who,
      got: `model.tokenizer.config.latentScale = ${JSON.stringify(config.latentScale)}`,
      expected: 'none: it is measured once the tokenizer is trained',
      next: 'Leave latentScale out.',
    });
  },
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
