import type { Tensor4D } from '@tensorflow/tfjs';
import { toNetworkRange } from '@tessera/autoencoder';
import type { Engine, TrainStep } from '@tessera/engine';
import { freshWeights, type FreshWeights } from '@tessera/models';
import { discriminatorLoss, patchDiscriminator, type Discriminator } from '../loss/patch-discriminator.ts';
import type { TokenizerRecipe } from '../recipe/recipe.ts';
import { optimiserSpec } from './hyper.ts';

/** The discriminator, and the step that trains it. */
export interface Game {
  readonly discriminator: Discriminator;
  readonly weights: FreshWeights;
  readonly trainStep: TrainStep;
  readonly weight: number;
  /** Steps after which it begins. */
  readonly from: number;
}

/** Opens the game that a recipe asks for; null where it asks for none. */
export function openGame(
  engine: Engine,
  recipe: TokenizerRecipe,
  { channels, seed }: { channels: number; seed: number },
): Game | null {
  const { adversarial } = recipe.loss;
  if (!adversarial) return null;
  const { weight, from, width, levels } = adversarial;
  const weights = freshWeights(seed);
  const discriminator = patchDiscriminator(weights, { channels, width, levels });
  const trainStep = engine.compileTrainStep({
    name: 'tokenizer.discriminator',
    params: weights.params,
    loss: ({ image_BHWC, made_BHWC }) => ({
      loss: discriminatorLoss(discriminator, toNetworkRange(image_BHWC as Tensor4D), made_BHWC as Tensor4D),
    }),
    ...optimiserSpec(recipe),
  });
  return { discriminator, weights, trainStep, weight, from: Math.round(from * recipe.steps) };
}
