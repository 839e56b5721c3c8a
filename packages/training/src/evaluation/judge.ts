import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import * as tf from '@tensorflow/tfjs';
import type { Scalar, Tensor, Tensor1D, Tensor2D, Tensor4D } from '@tensorflow/tfjs';
import type { Weights } from '@tessera/core';
import { type Engine, nn, tensorFrom } from '@tessera/engine';
import { TesseraError } from '@tessera/errors';
import { fileWeights, folderName, freshWeights, type FreshWeights } from '@tessera/models';
import { byKind, schema, type FieldType } from '@tessera/schema';
import type { DataSet, ImageSize } from '../data/data-set.ts';
import { chunks, imageBatch, imageBatches, validate } from '../stage/image-batches.ts';
import { hyperOf, optimiserSpec, trainingFields } from '../stage/optimiser.ts';
import type { Batch, Stage } from '../stage/stage.ts';

/** A small classifier. It tells the class of a sample, and its features measure the distribution of samples. */
export interface Judge {
  readonly config: JudgeConfig;
  /** Feature maps, shallow to deep, of an image in [0, 1]. Pure and traceable. */
  maps(image_BHWC: Tensor4D): readonly Tensor4D[];
  /** The deepest map, averaged over its positions: [B, D]. Pure and traceable. */
  features(image_BHWC: Tensor4D): Tensor2D;
  /** Logits from features: [B, D] -> [B, classes]. Pure and traceable. */
  classify(features_BD: Tensor2D): Tensor2D;
}

export interface JudgeConfig {
  readonly channels: number;
  readonly classes: number;
  /** Channels of each level. Every level but the first halves the image. The last level's channels are the features. */
  readonly widths: readonly number[];
}

const GROUPS = 8;

/** Builds a judge: convolution, group normalisation and SiLU per level, then one linear layer. */
export function openJudge(weights: Weights, config: JudgeConfig): Judge {
  const { channels, classes, widths } = config;
  const levels = widths.map((to, index) =>
    takeLevel(weights, `level.${index}`, { from: widths[index - 1] ?? channels, to }),
  );
  const dims = widths.at(-1)!;
  const init = { kind: 'normal', std: Math.sqrt(1 / dims) } as const;
  const weight = weights.param('classify.weight', [classes, dims], { init, decay: true });
  const bias = weights.param('classify.bias', [classes], { init: { kind: 'zeros' }, decay: false });
  const maps = (image_BHWC: Tensor4D): Tensor4D[] => {
    let x: Tensor4D = tf.sub(tf.mul(image_BHWC, 2), 1);
    return levels.map((level, index) => {
      x = nn.conv2d(x, level.weight, level.bias, { stride: index === 0 ? 1 : 2, pad: 1 });
      x = nn.groupNormSilu(x, level.scale, level.shift, GROUPS, 1e-5);
      return x;
    });
  };
  return {
    config,
    maps,
    features: (image_BHWC) => tf.mean(maps(image_BHWC).at(-1)!, [1, 2]) as Tensor2D,
    classify: (features_BD) => nn.linear(features_BD, weight, bias) as Tensor2D,
  };
}

interface Level {
  readonly weight: Tensor;
  readonly bias: Tensor;
  readonly scale: Tensor;
  readonly shift: Tensor;
}

function takeLevel(weights: Weights, path: string, { from, to }: { from: number; to: number }): Level {
  const init = { kind: 'normal', std: Math.sqrt(2 / (9 * from)) } as const;
  const vector = (name: string, kind: 'ones' | 'zeros') =>
    weights.param(`${path}.${name}`, [to], { init: { kind }, decay: false });
  return {
    weight: weights.param(`${path}.conv.weight`, [to, from, 3, 3], { init, decay: true }),
    bias: vector('conv.bias', 'zeros'),
    scale: vector('norm.weight', 'ones'),
    shift: vector('norm.bias', 'zeros'),
  };
}

/** A judge with its weights. The hash identifies it: figures of different judges cannot be compared. */
export interface OpenedJudge {
  readonly name: string;
  readonly sha256: string;
  readonly judge: Judge;
  dispose(): void;
}

const { object, choice, integer, list, string, number, optional } = schema;
const count = integer({ min: 1 });
const card = object({
  name: string(),
  data: string(),
  config: object({ channels: count, classes: count, widths: list(count, { min: 2 }) }),
  sha256: string(),
  accuracy: number({ min: 0, max: 1 }),
});

/** Opens a judge that ships with Tessera. @throws TesseraError `judge-unknown`, `judge-altered` */
export async function openShippedJudge(name: string): Promise<OpenedJudge> {
  const folder = new URL('../../judges/', import.meta.url);
  const text = await readFile(new URL(`${name}.json`, folder), 'utf8').catch((cause: unknown) => {
    const next = 'Train your own judge: judge.kind = "train".';
    throw new TesseraError({
      code: 'judge-unknown',
      who: 'training',
      got: `the judge ${name}`,
      expected: 'one that ships',
      next,
      cause,
    });
  });
  const { config, sha256 } = card.parse(JSON.parse(text), `${name}.json`);
  const path = fileURLToPath(new URL(`${name}.safetensors`, folder));
  const found = createHash('sha256')
    .update(await readFile(path))
    .digest('hex');
  if (found !== sha256) {
    const next = 'Restore the file.';
    throw new TesseraError({ code: 'judge-altered', who: path, got: `the hash ${found}`, expected: sha256, next });
  }
  return { name, sha256, ...(await openJudgeFile(path, config)) };
}

/** Opens a judge with its weights from a file. */
export async function openJudgeFile(path: string, config: JudgeConfig): Promise<{ judge: Judge; dispose(): void }> {
  const weights = await fileWeights(path);
  const judge = openJudge(weights, config);
  weights.finish();
  return { judge, dispose: () => weights.dispose() };
}

/** What a judge finds in images. */
export interface JudgeResults {
  /** `[N, D]` row-major. */
  readonly features_ND: Float32Array;
  readonly dims: number;
  /** The most likely class of each image. */
  readonly label_N: Int32Array;
}

/** A judge, compiled. */
export interface JudgeProgram {
  /** `pixels` of N images in [0, 1], row-major. */
  run(pixels: Float32Array): Promise<JudgeResults>;
  dispose(): void;
}

const BATCH = 100;

/** Compiles a judge for images of one size. It runs a hundred images at a time. */
export function openJudgeProgram(engine: Engine, judge: Judge, image: ImageSize): JudgeProgram {
  const dims = judge.config.widths.at(-1)!;
  const program = engine.compile(
    (image_BHWC: Tensor4D) => {
      const features_BD = judge.features(image_BHWC);
      return { features_BD, label_B: tf.cast(tf.argMax(judge.classify(features_BD), -1), 'int32') };
    },
    { name: 'judge', axes: ['B . . .'] },
  );
  const size = image.height * image.width * image.channels;
  return {
    async run(pixels) {
      const count = pixels.length / size;
      const results = { features_ND: new Float32Array(count * dims), dims, label_N: new Int32Array(count) };
      for (let start = 0; start < count; start += BATCH) {
        const here = Math.min(BATCH, count - start);
        const shape = [here, image.height, image.width, image.channels];
        const image_BHWC = tensorFrom(pixels.slice(start * size, (start + here) * size), shape) as Tensor4D;
        const { features_BD, label_B } = await program(image_BHWC);
        results.features_ND.set(await (features_BD as Tensor2D).data<'float32'>(), start * dims);
        results.label_N.set(await label_B.data<'int32'>(), start);
        for (const tensor of [image_BHWC, features_BD, label_B]) tensor.dispose();
      }
      return results;
    },
    dispose: () => program.dispose(),
  };
}

/** Share of images whose class is the expected one, from 0 to 1. */
export function accuracy(found_N: Int32Array, expected_N: Int32Array): number {
  return found_N.reduce((right, label, n) => right + Number(label === expected_N[n]), 0) / found_N.length;
}

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
}

/** The training of a judge. `weights` hold the trained parameters after `trainStep.sync`. */
interface JudgeStage extends Stage {
  readonly config: JudgeConfig;
  readonly weights: FreshWeights;
  dispose(): void;
}

/** Trains a judge with cross-entropy. */
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
