import type { Tensor4D } from '@tensorflow/tfjs';
import { toNetworkRange } from '@tessera/autoencoder';
import type { Engine, TrainResult, TrainStep, TrainStepSpec } from '@tessera/engine';
import { freshWeights, type FreshWeights } from '@tessera/models';
import { openVqVae, vqLayout, type VqConfig, type VqVae } from '@tessera/tokenizer-vq';
import { batchOrder } from '../data/batch-order.ts';
import type { DataSet } from '../data/data-set.ts';
import type { FeatureNetwork } from '../loss/perceptual.ts';
import { discriminatorLoss, patchDiscriminator, type Discriminator } from '../loss/patch-discriminator.ts';
import { vqLoss, type VqBatch } from '../loss/vq-loss.ts';
import type { VqRecipe } from '../recipe/recipe.ts';
import { adversarialStep } from './adversarial-step.ts';
import { codeKeeper, type CodeKeeper } from './code-keeper.ts';
import { hyperOf, optimiserSpec } from './hyper.ts';
import { chunks, imageBatch, imageBatches } from './image-batches.ts';
import type { Stage } from './stage.ts';
import { validate } from './validation.ts';

export interface VqStageOptions {
  readonly engine: Engine;
  readonly data: DataSet;
  readonly recipe: VqRecipe;
  readonly config: VqConfig;
  readonly seed: number;
  /** What the perceptual term looks through; null where the recipe does not ask for it. */
  readonly network: FeatureNetwork | null;
}

/** The training of a multi-scale VQ-VAE, and the model. */
export interface VqStage extends Stage {
  /** The first images of the validation split (of the training split without one), and what the model makes of them now, in [0, 1]. */
  reconstruct(): Promise<{ readonly real: Float32Array; readonly made: Float32Array }>;
  readonly config: VqConfig;
  readonly weights: FreshWeights;
  readonly model: VqVae;
  dispose(): void;
}

/** How often the codebook is drawn anew before training, each time from what the codes of the round before leave over. */
const START_ROUNDS = 3;

/** Stage one of VAR: reconstruction through the multi-scale quantiser. The model reads `weights`, once the step is synced. */
export function vqStage(options: VqStageOptions): VqStage {
  const { engine, data, recipe, config, seed } = options;
  const weights = freshWeights(seed);
  const model = openVqVae(config, weights);
  const game = recipe.loss.adversarial && openGame(options, recipe.loss.adversarial);
  const spec = generatorSpec(options, { model, weights, game });
  const generator = engine.compileTrainStep({ name: 'vq', ...spec, ...optimiserSpec(recipe) });
  const trainStep = game ? adversarialStep({ generator, discriminator: game.trainStep, from: game.from }) : generator;
  const keeper = keeperOf(options);
  const { batch, accumulate, steps } = recipe;
  return {
    name: 'vq',
    steps,
    config,
    weights,
    model,
    trainStep,
    spec,
    hyper: hyperOf(recipe, seed),
    batches: imageBatches(data.train, data.image, { batch, accumulate, seed, shift: 0 }),
    async start() {
      if (recipe.codebook.startImages === 0) return;
      for (let round = 0; round < START_ROUNDS; round++) {
        await keeper.start(
          trainStep,
          await residualsOf(options, trainStep, { from: 0, images: recipe.codebook.startImages }),
          round,
        );
      }
    },
    async after(step, result) {
      keeper.record(result);
      if (keeper.due(step)) {
        await keeper.revive(trainStep, await residualsOf(options, trainStep, { from: step, images: batch }), step);
      }
    },
    figures: (result) => vqFigures(result, keeper),
    validate: () =>
      validate(trainStep, chunks(data.validation, batch, imageBatch(data.image)), ['l1', 'l2', 'quantiser']),
    memory: keeper.memory,
    reconstruct: () => reconstructNow(options, trainStep),
    dispose() {
      trainStep.dispose();
      weights.dispose();
      game?.weights.dispose();
    },
  };
}

/** The discriminator, and the step that trains it. */
interface Game {
  readonly discriminator: Discriminator;
  readonly weights: FreshWeights;
  readonly trainStep: TrainStep;
  readonly weight: number;
  readonly from: number;
}

function openGame(
  { engine, recipe, data, seed }: VqStageOptions,
  { weight, from, width, levels }: NonNullable<VqRecipe['loss']['adversarial']>,
): Game {
  const weights = freshWeights(seed);
  const discriminator = patchDiscriminator(weights, { channels: data.image.channels, width, levels });
  const trainStep = engine.compileTrainStep({
    name: 'vq.discriminator',
    params: weights.params,
    loss: ({ image_BHWC, made_BHWC }) => ({
      loss: discriminatorLoss(discriminator, toNetworkRange(image_BHWC as Tensor4D), made_BHWC as Tensor4D),
    }),
    ...optimiserSpec(recipe),
  });
  return { discriminator, weights, trainStep, weight, from: Math.round(from * recipe.steps) };
}

function generatorSpec(
  { recipe, network }: VqStageOptions,
  { model, weights, game }: { model: VqVae; weights: FreshWeights; game: Game | null },
): Pick<TrainStepSpec, 'params' | 'frozen' | 'loss'> {
  const { l1, l2, perceptual } = recipe.loss;
  const loss = vqLoss(model, {
    l1,
    l2,
    perceptual: perceptual > 0 && network ? { weight: perceptual, network } : null,
    adversarial: game && { weight: game.weight, discriminator: game.discriminator },
  });
  return {
    params: weights.params,
    ...(game && { frozen: game.weights.params }),
    loss: (batch) => loss(batch as unknown as VqBatch),
  };
}

function keeperOf({ recipe, config, seed }: VqStageOptions): CodeKeeper {
  const { length, scales } = vqLayout(config);
  const { height, width } = scales.at(-1)!;
  return codeKeeper({
    recipe,
    seed,
    scales: scales.length,
    vocabulary: config.V,
    channels: config.Cvae,
    length,
    positions: height * width,
  });
}

/** What the positions of some training images leave to explain under the codes of now. */
async function residualsOf(
  { data, recipe, seed }: VqStageOptions,
  trainStep: TrainStep,
  { from, images }: { from: number; images: number },
): Promise<Float32Array> {
  const order = batchOrder(data.train.count, { batch: recipe.batch, seed });
  const make = imageBatch(data.image);
  const found: Float32Array[] = [];
  for (let number = from; number < from + Math.ceil(images / recipe.batch); number++) {
    const batch = await make(data.train, order.batch(number));
    const { aux } = await trainStep.evaluate(batch, 0);
    for (const tensor of Object.values(batch)) tensor.dispose();
    found.push(aux['residual_BLC'] as Float32Array);
  }
  const all = new Float32Array(found.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of found) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

async function reconstructNow({ data, recipe }: VqStageOptions, trainStep: TrainStep) {
  const split = data.validation.count > 0 ? data.validation : data.train;
  const members = Int32Array.from({ length: recipe.batch }, (_, i) => i % split.count); // the program wants a whole batch
  const batch = await imageBatch(data.image)(split, members);
  const { aux } = await trainStep.evaluate(batch, 0);
  for (const tensor of Object.values(batch)) tensor.dispose();
  const made = (aux['made_BHWC'] as Float32Array).map((value) => Math.min(1, Math.max(0, (value + 1) / 2)));
  return { real: await split.read(members), made };
}

const TERMS = ['l1', 'l2', 'quantiser', 'perceptual', 'adversarial', 'discriminator'];

function vqFigures({ aux }: TrainResult, keeper: CodeKeeper) {
  const terms = TERMS.flatMap((name) => (aux[name] ? [[name, aux[name][0]!] as const] : []));
  return { ...Object.fromEntries(terms), usage: keeper.usage(), revived: keeper.revived() };
}
