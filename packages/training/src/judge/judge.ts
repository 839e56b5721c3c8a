import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import * as tf from '@tensorflow/tfjs';
import type { Tensor, Tensor2D, Tensor4D } from '@tensorflow/tfjs';
import type { Weights } from '@tessera/core';
import { type Engine, nn, tensorFrom } from '@tessera/engine';
import { TesseraError } from '@tessera/errors';
import { fileWeights } from '@tessera/models';
import { schema } from '@tessera/schema';
import type { ImageSize } from '../data/data-set.ts';

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

const { object, integer, list, string, number } = schema;
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
