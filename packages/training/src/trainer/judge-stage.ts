import * as tf from '@tensorflow/tfjs';
import type { Scalar, Tensor1D, Tensor2D, Tensor4D } from '@tensorflow/tfjs';
import { nn, type Engine } from '@tessera/engine';
import { freshWeights, type FreshWeights } from '@tessera/models';
import type { DataSet } from '../data/data-set.ts';
import { openJudge, type Judge, type JudgeConfig } from '../evaluation/judge.ts';
import type { TrainingRecipe } from '../recipe/optimiser.ts';
import { hyperOf, optimiserSpec } from './hyper.ts';
import { chunks, imageBatch, imageBatches } from './image-batches.ts';
import type { Batch, Stage } from './stage.ts';
import { validate } from './validation.ts';

export interface JudgeStageOptions {
  readonly engine: Engine;
  readonly data: DataSet;
  readonly recipe: TrainingRecipe & { readonly widths: readonly number[]; readonly shift: number };
  readonly seed: number;
}

/** The training of a judge, and the judge. */
export interface JudgeStage extends Stage {
  readonly config: JudgeConfig;
  readonly weights: FreshWeights;
  dispose(): void;
}

/** Trains a classifier with cross-entropy. The judge reads `weights`, once the train step is synced. */
export function judgeStage({ engine, data, recipe, seed }: JudgeStageOptions): JudgeStage {
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
    batches: imageBatches(data.train, data.image, { batch, accumulate, seed, shift: recipe.shift, flips: false }),
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
