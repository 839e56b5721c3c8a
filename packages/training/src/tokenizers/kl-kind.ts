import { openKlVae, type KlConfig } from '@tessera/tokenizer-continuous';
import { klLoss } from '../loss/kl-loss.ts';
import type { KlRecipe } from '../recipe/recipe.ts';
import type { TokenizerKind } from './tokenizer-kind.ts';

/** The variational autoencoder, however its latents are taken as tokens. */
export const klKind: TokenizerKind<KlRecipe> = {
  learner({ recipe, config, weights }) {
    // Of `kl` or `kl-scales`, whose configuration has all fields of the network.
    const model = openKlVae(config as KlConfig, weights);
    return {
      loss: (options) => klLoss(model, { ...options, kl: recipe.loss.kl }),
      terms: ['kl'],
    };
  },
};
