import { resolve } from 'node:path';
import * as tf from '@tensorflow/tfjs';
import type { Scalar, Tensor1D, Tensor2D, Tensor4D } from '@tensorflow/tfjs';
import { type Engine, nn } from '@tessera/engine';
import { TesseraError } from '@tessera/errors';
import {
  type Judge,
  judgeBlocks,
  type JudgeConfig,
  type JudgeNetwork,
  judgeWidths,
  openJudge,
  openJudgeCard,
  openShippedJudge,
} from '@tessera/features';
import { folderName, freshWeights, type FreshWeights } from '@tessera/models';
import { byKind, schema, type FieldType } from '@tessera/schema';
import { type Augmentation, noAugmentation } from '../data/augment.ts';
import type { DataSet } from '../data/data-set.ts';
import { attributeObjective } from './attribute-objective.ts';
import { chunks, imageBatch, imageBatches, validate } from '../stage/image-batches.ts';
import { hyperOf, optimiserSpec, trainingFields } from '../stage/optimiser.ts';
import type { Batch, Stage } from '../stage/stage.ts';

const { object, boolean, choice, integer, optional, refine, string } = schema;

const trainedFields = object({
  kind: choice('train'),
  /** Channels of the levels. The last number is the number of features. */
  widths: judgeWidths,
  blocks: judgeBlocks,
  /** Augmentation: images move by up to so many pixels. */
  shift: optional(integer({ min: 0 }), 0),
  /** Whether it also learns what is known of the images besides their classes. */
  attributes: optional(boolean(), false),
  ...trainingFields,
});

/** Section `judge` of a recipe: a judge that ships with Tessera, one that another recipe has trained, or one to train. */
export const judgeFields = byKind({
  shipped: object({ kind: choice('shipped'), name: folderName }),
  /** The path of its card, `judge.json`, from the recipe's folder. */
  file: object({ kind: choice('file'), path: string() }),
  train: refine(trainedFields, ({ widths, blocks }) =>
    blocks.length === 0 || blocks.length === widths.length
      ? null
      : `${widths.length} numbers in blocks, one for each width`,
  ),
});
export type JudgeRecipe = FieldType<typeof judgeFields>;
type TrainedJudge = Extract<JudgeRecipe, { kind: 'train' }>;

/** Opens the judge that a recipe names; null for one that it trains. Paths start at `folder`. The caller disposes it. */
export async function openNamedJudge(judge: JudgeRecipe, folder: string): Promise<JudgeNetwork | null> {
  if (judge.kind === 'train') return null;
  return judge.kind === 'file' ? openJudgeCard(resolve(folder, judge.path)) : openShippedJudge(judge.name);
}

interface JudgeStageOptions {
  readonly engine: Engine;
  readonly data: DataSet;
  readonly recipe: TrainedJudge;
  readonly seed: number;
  /** How training images vary besides. Left out: not at all. */
  readonly augmentation?: Augmentation;
}

/** The training of a judge. `weights` hold the trained parameters after `trainStep.sync`. */
interface JudgeStage extends Stage {
  readonly config: JudgeConfig;
  readonly weights: FreshWeights;
  dispose(): void;
}

/**
 * Trains a judge with cross-entropy: of the class, and the mean over the attributes that each image has.
 * @throws TesseraError `recipe-misfit` for attributes of data without any
 */
export function judgeStage(options: JudgeStageOptions): JudgeStage {
  const { engine, data, recipe, seed, augmentation = noAugmentation } = options;
  const { batch, accumulate, steps, shift } = recipe;
  const config = judgeConfig(data, recipe);
  const weights = freshWeights(seed);
  const judge = openJudge(weights, config);
  const attributes = config.attributes ? attributeObjective(config.attributes.of) : null;
  const spec = { params: weights.params, loss: (given: Batch) => judgeLoss(judge, given, attributes) };
  const trainStep = engine.compileTrainStep({ name: 'judge', ...spec, ...optimiserSpec(recipe) });
  const more = attributes ? { more: attributes.truth } : {};
  const names = ['accuracy', ...(attributes ? ['attributes'] : [])];
  return {
    name: 'judge',
    steps,
    config,
    weights,
    trainStep,
    spec,
    hyper: hyperOf(recipe, seed),
    batches: imageBatches(data.train, data.image, { batch, accumulate, seed, shift, augmentation, ...more }),
    figures: ({ aux }) => Object.fromEntries(names.map((name) => [name, aux[name]![0]!])),
    ...(data.validation.count > 0 && {
      validate: () => validate(trainStep, chunks(data.validation, batch, imageBatch(data.image, more.more)), names),
    }),
    dispose() {
      trainStep.dispose();
      weights.dispose();
    },
  };
}

/** The levels of a judge. */
export function shapeOf({
  widths,
  blocks,
}: Pick<TrainedJudge, 'widths' | 'blocks'>): Pick<JudgeConfig, 'widths' | 'blocks'> {
  return { widths, ...(blocks.length > 0 && { blocks }) };
}

/** @throws TesseraError `recipe-misfit` */
function judgeConfig({ image, classes, attributes }: DataSet, recipe: TrainedJudge): JudgeConfig {
  const plain = { channels: image.channels, classes: classes.length, ...shapeOf(recipe) };
  if (!recipe.attributes) return plain;
  const levels = 2 ** (recipe.widths.length - 1);
  const misfit = (got: string, expected: string) =>
    new TesseraError({ code: 'recipe-misfit', who: 'judge', got, expected, next: 'Remove judge.attributes.' });
  if (!attributes) throw misfit('judge.attributes for data of which only classes are known', 'data with attributes');
  if (image.height !== image.width || image.height % levels !== 0) {
    throw misfit(
      `images of ${image.height} x ${image.width} pixels`,
      `a multiple of ${levels} for ${recipe.widths.length} widths`,
    );
  }
  return { ...plain, attributes: { side: image.height / levels, of: attributes } };
}

type JudgeLoss = { readonly loss: Scalar; readonly aux: Readonly<Record<string, Scalar>> };

function judgeLoss(
  judge: Judge,
  { image_BHWC, label_B, truth_BS }: Batch,
  attributes: ReturnType<typeof attributeObjective> | null,
): JudgeLoss {
  const deepest_BHWD = judge.maps(image_BHWC as Tensor4D).at(-1)!;
  const logits = judge.classify(tf.mean(deepest_BHWD, [1, 2]) as Tensor2D);
  const loss = tf.mean(nn.crossEntropy(logits, label_B as Tensor1D)) as Scalar;
  const right = tf.equal(tf.cast(tf.argMax(logits, -1), 'int32'), label_B!);
  const accuracy: Scalar = tf.mean(tf.cast(right, 'float32'));
  if (!attributes) return { loss, aux: { accuracy } };
  const own = attributes.loss(judge.attributes!(deepest_BHWD), truth_BS as Tensor2D);
  return { loss: tf.add(loss, own), aux: { accuracy, attributes: own } };
}
