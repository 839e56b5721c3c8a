import type { Engine, TrainResult, TrainStep } from '@tessera/engine';
import { freshWeights, type FreshWeights } from '@tessera/models';
import type { DataSet } from '../data/data-set.ts';
import type { FeatureNetwork } from '../loss/perceptual.ts';
import type { ImageBatch } from '../loss/reconstruction-loss.ts';
import type { TokenizerRecipe } from '../recipe/recipe.ts';
import { tokenizerKind } from '../tokenizers/tokenizer-kinds.ts';
import type { Learner } from '../tokenizers/tokenizer-kind.ts';
import { openGame, type Game } from './adversarial-game.ts';
import { adversarialStep } from './adversarial-step.ts';
import { hyperOf, optimiserSpec } from './hyper.ts';
import { chunks, imageBatch, imageBatches } from './image-batches.ts';
import type { Figures, Stage } from './stage.ts';
import { validate } from './validation.ts';

export interface TokenizerStageOptions {
  readonly engine: Engine;
  readonly data: DataSet;
  readonly recipe: TokenizerRecipe;
  /** As the plug-in of the recipe's kind reads it. */
  readonly config: unknown;
  readonly seed: number;
  /** Whether training sees mirrored images too. */
  readonly flips?: boolean;
  /** What the perceptual term looks through; null where the recipe does not ask for it. */
  readonly network: FeatureNetwork | null;
}

/** The training of a tokenizer. Whoever opens its model on `weights` reads what was trained, once the step is synced. */
export interface TokenizerStage extends Stage {
  /** The first images of the validation split (of the training split without one), and what the model makes of them now, in [0, 1]. */
  reconstruct(): Promise<{ readonly real: Float32Array; readonly made: Float32Array }>;
  readonly weights: FreshWeights;
  dispose(): void;
}

/** Stage one: images through the tokenizer and back. */
export function tokenizerStage(options: TokenizerStageOptions): TokenizerStage {
  const { engine, data, recipe, config, seed, flips = false } = options;
  const weights = freshWeights(seed);
  const learner = tokenizerKind(recipe.kind).learner({ recipe, config, weights, data, seed });
  const game = openGame(engine, recipe, { channels: data.image.channels, seed });
  const spec = generatorSpec(options, { learner, weights, game });
  const generator = engine.compileTrainStep({ name: 'tokenizer', ...spec, ...optimiserSpec(recipe) });
  const trainStep = game ? adversarialStep({ generator, discriminator: game.trainStep, from: game.from }) : generator;
  const attendant = learner.attend?.(trainStep);
  const { batch, accumulate, steps } = recipe;
  return {
    name: 'tokenizer',
    steps,
    weights,
    trainStep,
    spec,
    hyper: hyperOf(recipe, seed),
    batches: imageBatches(data.train, data.image, { batch, accumulate, seed, shift: 0, flips }),
    ...(attendant && { start: attendant.start, after: attendant.after, memory: attendant.memory }),
    figures: (result) => ({ ...termsOf(result, learner), ...attendant?.figures(result) }),
    ...(data.validation.count > 0 && {
      validate: () =>
        validate(trainStep, chunks(data.validation, batch, imageBatch(data.image)), ['l1', 'l2', ...learner.terms]),
    }),
    reconstruct: () => reconstructNow(options, trainStep),
    dispose() {
      trainStep.dispose();
      weights.dispose();
      game?.weights.dispose();
    },
  };
}

function generatorSpec(
  { recipe, network }: TokenizerStageOptions,
  { learner, weights, game }: { learner: Learner; weights: FreshWeights; game: Game | null },
): Stage['spec'] & { readonly frozen?: FreshWeights['params'] } {
  const { l1, l2, perceptual } = recipe.loss;
  const loss = learner.loss({
    l1,
    l2,
    perceptual: perceptual > 0 && network ? { weight: perceptual, network } : null,
    adversarial: game && { weight: game.weight, discriminator: game.discriminator },
  });
  return {
    params: weights.params,
    ...(game && { frozen: game.weights.params }),
    loss: (batch, rng) => loss(batch as unknown as ImageBatch, rng),
  };
}

async function reconstructNow({ data, recipe }: TokenizerStageOptions, trainStep: TrainStep) {
  const split = data.validation.count > 0 ? data.validation : data.train;
  const members = Int32Array.from({ length: recipe.batch }, (_, i) => i % split.count); // the program wants a whole batch
  const batch = await imageBatch(data.image)(split, members);
  const { aux } = await trainStep.evaluate(batch, 0);
  for (const tensor of Object.values(batch)) tensor.dispose();
  const made = (aux['made_BHWC'] as Float32Array).map((value) => Math.min(1, Math.max(0, (value + 1) / 2)));
  return { real: await split.read(members), made };
}

const TERMS = ['l1', 'l2', 'perceptual', 'adversarial', 'discriminator'];

function termsOf({ aux }: TrainResult, { terms }: Learner): Figures {
  return Object.fromEntries([...TERMS, ...terms].flatMap((name) => (aux[name] ? [[name, aux[name][0]!]] : [])));
}
