import type { Engine, TrainResult, TrainStep } from '@tessera/engine';
import { freshWeights, type FreshWeights } from '@tessera/models';
import { byKind, fieldsOf, schema, type Field, type FieldType } from '@tessera/schema';
import { type Augmentation, noAugmentation } from '../data/augment.ts';
import type { DataSet } from '../data/data-set.ts';
import { chunks, imageBatch, imageBatches, validate } from '../stage/image-batches.ts';
import { hyperOf, optimiserSpec } from '../stage/optimiser.ts';
import type { Figures, Stage } from '../stage/stage.ts';
import { type AdversarialTraining, openAdversarialTraining } from './adversarial.ts';
import { klTrainer } from './kl.ts';
import { type PerceptualNetwork, perceptualWeight } from './perceptual.ts';
import type { ImageBatch } from './reconstruction-loss.ts';
import type { MeasuredConfig, TokenizerObjective, TokenizerTrainer } from './tokenizer-training.ts';
import { vqTrainer } from './vq.ts';

/** All ways to train a tokenizer, by `tokenizer.kind` of a recipe. A new way is one more entry. */
const trainers = { vq: vqTrainer, kl: klTrainer };

type Trainers = typeof trainers;
type Kind = keyof Trainers;

/** Stage one that trains. */
export type TokenizerRecipe = { [K in Kind]: FieldType<Trainers[K]['fields']> }[Kind];

const taken = schema.object({
  kind: schema.choice('model'),
  /** The name of a model, or the path of its folder. */
  model: schema.string(),
});

/** Stage one without training: the weights of another model's tokenizer. */
export type TakenTokenizer = FieldType<typeof taken>;

/** Section `tokenizer` of a recipe: stage one. */
export const tokenizerFields: Field<TokenizerRecipe | TakenTokenizer> = schema.refine(
  byKind({ ...fieldsOf(trainers), model: taken }),
  (stage) =>
    stage.kind !== 'model' && stage.loss.adversarial && stage.accumulate > 1
      ? 'accumulate = 1 with an adversarial loss: the discriminator sees one batch'
      : null,
);

/** The trainer of a recipe's stage one. */
function trainerOf({ kind }: TokenizerRecipe): TokenizerTrainer<TokenizerRecipe> {
  return trainers[kind] as TokenizerTrainer<TokenizerRecipe>;
}

/** The kind of stage that trains tokenizers of this plug-in, or null. */
export function trainedBy(plugin: string): Kind | null {
  const found = Object.entries(trainers).find(([, { plugins }]) => Object.hasOwn(plugins, plugin));
  return found ? (found[0] as Kind) : null;
}

/** Third-party plug-ins know their whole configuration before training. */
const nothingMeasured: MeasuredConfig = {
  fixed: [],
  measured: [],
  initial: (config) => config,
  measure: async () => ({}),
};

/** What is measured of trained tokenizers of this plug-in. */
export function measuredConfigOf(plugin: string): MeasuredConfig {
  const kind = trainedBy(plugin);
  return (kind && trainers[kind].plugins[plugin]) ?? nothingMeasured;
}

interface TokenizerStageOptions {
  readonly engine: Engine;
  readonly data: DataSet;
  readonly recipe: TokenizerRecipe;
  /** As the tokenizer's plug-in parsed it. */
  readonly config: unknown;
  readonly seed: number;
  /** How training images vary. Left out: not at all. */
  readonly augmentation?: Augmentation;
  /** The network of the perceptual term, or null without one. */
  readonly network: PerceptualNetwork | null;
}

/** The training of a tokenizer. `weights` hold the trained parameters after `trainStep.sync`. */
interface TokenizerStage extends Stage {
  /**
   * Reconstructs the first images of the validation split (of the training split without one) with the current parameters.
   * Both are in [0, 1].
   */
  reconstruct(): Promise<{ readonly real: Float32Array; readonly made: Float32Array }>;
  readonly weights: FreshWeights;
  dispose(): void;
}

/** Stage one: trains a tokenizer to reconstruct images. */
export function tokenizerStage(options: TokenizerStageOptions): TokenizerStage {
  const { engine, data, recipe, config, seed, augmentation = noAugmentation } = options;
  const weights = freshWeights(seed);
  const objective = trainerOf(recipe).open({ recipe, config, weights, data, seed });
  const adversarial = openAdversarialTraining(engine, recipe, { channels: data.image.channels, seed });
  const spec = autoencoderSpec(options, { objective, weights, adversarial });
  const autoencoder = engine.compileTrainStep({ name: 'tokenizer', ...spec, ...optimiserSpec(recipe) });
  const trainStep = adversarial ? adversarial.join(autoencoder) : autoencoder;
  const hooks = objective.hooks?.(trainStep);
  const { batch, accumulate, steps } = recipe;
  return {
    name: 'tokenizer',
    steps,
    weights,
    trainStep,
    spec,
    hyper: hyperOf(recipe, seed),
    batches: imageBatches(data.train, data.image, { batch, accumulate, seed, shift: 0, augmentation }),
    ...(hooks && { start: hooks.start, after: hooks.after, memory: hooks.memory }),
    figures: (result) => ({ ...termsOf(result, objective), ...hooks?.figures(result) }),
    ...(data.validation.count > 0 && {
      validate: () =>
        validate(trainStep, chunks(data.validation, batch, imageBatch(data.image)), ['l1', 'l2', ...objective.terms]),
    }),
    reconstruct: () => reconstructNow(options, trainStep),
    dispose() {
      trainStep.dispose();
      weights.dispose();
      adversarial?.weights.dispose();
    },
  };
}

function autoencoderSpec(
  { recipe, network }: TokenizerStageOptions,
  {
    objective,
    weights,
    adversarial,
  }: { objective: TokenizerObjective; weights: FreshWeights; adversarial: AdversarialTraining | null },
): Stage['spec'] & { readonly frozen?: FreshWeights['params'] } {
  const { l1, l2, perceptual } = recipe.loss;
  const loss = objective.loss({
    l1,
    l2,
    perceptual: perceptualWeight(perceptual) > 0 && network ? { weight: perceptualWeight(perceptual), network } : null,
    adversarial: adversarial && { weight: adversarial.recipe.weight, discriminator: adversarial.discriminator },
  });
  return {
    params: weights.params,
    ...(adversarial && { frozen: adversarial.weights.params }),
    loss: (batch, rng) => loss(batch as unknown as ImageBatch, rng),
  };
}

async function reconstructNow({ data, recipe }: TokenizerStageOptions, trainStep: TrainStep) {
  const split = data.validation.count > 0 ? data.validation : data.train;
  const members = Int32Array.from({ length: recipe.batch }, (_, i) => i % split.count); // the program takes whole batches only
  const batch = await imageBatch(data.image)(split, members);
  const { aux } = await trainStep.evaluate(batch, 0);
  for (const tensor of Object.values(batch)) tensor.dispose();
  const made = (aux['made_BHWC'] as Float32Array).map((value) => Math.min(1, Math.max(0, (value + 1) / 2)));
  return { real: await split.read(members), made };
}

const TERMS = ['l1', 'l2', 'perceptual', 'adversarial', 'discriminator', 'r1', 'lecam', 'real', 'made'];

function termsOf({ aux }: TrainResult, { terms }: TokenizerObjective): Figures {
  return Object.fromEntries([...TERMS, ...terms].flatMap((name) => (aux[name] ? [[name, aux[name][0]!]] : [])));
}
