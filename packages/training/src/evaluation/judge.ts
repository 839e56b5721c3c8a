import * as tf from '@tensorflow/tfjs';
import type { Scalar, Tensor1D, Tensor2D, Tensor4D } from '@tensorflow/tfjs';
import { type Engine, nn } from '@tessera/engine';
import { type Judge, type JudgeConfig, openJudge } from '@tessera/features';
import { folderName, freshWeights, type FreshWeights } from '@tessera/models';
import { byKind, schema, type FieldType } from '@tessera/schema';
import { type Augmentation, noAugmentation } from '../data/augment.ts';
import type { DataSet } from '../data/data-set.ts';
import { chunks, imageBatch, imageBatches, validate } from '../stage/image-batches.ts';
import { hyperOf, optimiserSpec, trainingFields } from '../stage/optimiser.ts';
import type { Batch, Stage } from '../stage/stage.ts';

const { object, choice, integer, list, optional } = schema;

/** Section `judge` of a recipe: a judge that ships with Tessera, or one to train. */
export const judgeFields = byKind({
  shipped: object({ kind: choice('shipped'), name: folderName }),
  train: object({
    kind: choice('train'),
    /** Channels of the levels. The last number is the number of features. */
    widths: list(integer({ min: 1 }), { min: 2 }),
    /** Augmentation: images move by up to so many pixels. */
    shift: optional(integer({ min: 0 }), 0),
    ...trainingFields,
  }),
});
export type JudgeRecipe = FieldType<typeof judgeFields>;

interface JudgeStageOptions {
  readonly engine: Engine;
  readonly data: DataSet;
  readonly recipe: Extract<JudgeRecipe, { kind: 'train' }>;
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

/** Trains a judge with cross-entropy. */
export function judgeStage(options: JudgeStageOptions): JudgeStage {
  const { engine, data, recipe, seed, augmentation = noAugmentation } = options;
  const config = { channels: data.image.channels, classes: data.classes.length, widths: recipe.widths };
  const weights = freshWeights(seed);
  const judge = openJudge(weights, config);
  const spec = { params: weights.params, loss: (batch: Batch) => classifierLoss(judge, batch) };
  const trainStep = engine.compileTrainStep({ name: 'judge', ...spec, ...optimiserSpec(recipe) });
  const { batch, accumulate, steps } = recipe;
  return {
    name: 'judge',
    steps,
    config,
    weights,
    trainStep,
    spec,
    hyper: hyperOf(recipe, seed),
    batches: imageBatches(data.train, data.image, { batch, accumulate, seed, shift: recipe.shift, augmentation }),
    figures: ({ aux }) => ({ accuracy: aux['accuracy']![0]! }),
    ...(data.validation.count > 0 && {
      validate: () => validate(trainStep, chunks(data.validation, batch, imageBatch(data.image)), ['accuracy']),
    }),
    dispose() {
      trainStep.dispose();
      weights.dispose();
    },
  };
}

function classifierLoss(judge: Judge, { image_BHWC, label_B }: Batch): { loss: Scalar; aux: { accuracy: Scalar } } {
  const logits = judge.classify(judge.features(image_BHWC as Tensor4D));
  const loss = tf.mean(nn.crossEntropy(logits as Tensor2D, label_B as Tensor1D)) as Scalar;
  const right = tf.equal(tf.cast(tf.argMax(logits, -1), 'int32'), label_B!);
  return { loss, aux: { accuracy: tf.mean(tf.cast(right, 'float32')) as Scalar } };
}
