import { join } from 'node:path';
import type { Part, TokenizerPlugin, Weights } from '@tessera/core';
import type { Engine } from '@tessera/engine';
import { builtInPlugins, fileWeights, type FileWeights, readManifest } from '@tessera/models';
import { silentProgress } from '@tessera/progress';
import { type DataSet, encodedSplit, noAugmentation, openData, scaleStdOf } from '@tessera/training';
import type { Cell, Setup, SharedTokenizer } from './cell.ts';

interface DigitsSetupRequest {
  readonly engine: Engine;
  /** Where the shipped models lie. */
  readonly models: string;
  /** Where encodings are kept from run to run. */
  readonly folder: string;
  readonly steps: number;
  /** Is told why encodings that were kept are made again. */
  readonly note: (sentence: string) => void;
}

const SEED = 1;
const classes = 10;
const transformer = { depth: 3, width: 64, heads: 4 };
const half = { ...transformer, depth: 2 };
const SCALES = [1, 2, 3, 5, 8];

/** Digits in the tokenizers of the shipped models, and generators of a few hundred thousand parameters. */
export async function openDigitsSetup(request: DigitsSetupRequest): Promise<Setup & { dispose(): void }> {
  const { engine, steps } = request;
  const images = {
    kind: 'mnist',
    size: 32,
    validation: 96,
    limit: 8000,
    ...noAugmentation,
    copies: 0,
    picture: undefined,
  } as const;
  const data = await openData(images, { folder: '.', seed: SEED });
  const held: { dispose(): void }[] = [];
  const open = async (name: Cell['tokenizer'], model: string): Promise<SharedTokenizer> => {
    const { opened, weights } = await openShared({ ...request, data, name, model });
    held.push(opened.tokenizer, weights);
    return opened;
  };
  const tokenizers = {
    vq: await open('vq', 'digits-mar-categorical'),
    'vq-scales': await open('vq-scales', 'digits-var'),
    kl: await open('kl', 'digits-mar'),
    'kl-scales': await open('kl-scales', 'digits-mar'),
  };
  return {
    engine,
    tokenizers,
    backbones: {
      'next-scale-transformer': { classes, ...transformer },
      'causal-transformer': { classes, ...transformer },
      'masked-encoder-decoder': { classes, encoder: half, decoder: half, buffer: 8, dropout: 0 },
    },
    heads: { categorical: {}, diffusion: { blocks: 3, width: 128, repeats: 2 } },
    recipe: recipeOf(steps),
    seed: SEED,
    options: { steps: 16, respacing: 'ddim25', temperature: 0.9, topP: 0.95, choiceTemperature: 4.5 },
    guidance: 2,
    labels: Array.from({ length: classes }, (_, label) => label),
    dispose() {
      for (const part of held) part.dispose();
    },
  };
}

const recipeOf = (steps: number): Setup['recipe'] => ({
  steps,
  batch: 24,
  accumulate: 1,
  optimiser: {
    learningRate: { shape: 'cos', peak: 0.002, warmup: 40, startFactor: 0.05, endFactor: 0.02 },
    betas: [0.9, 0.95],
    eps: 1e-8,
    clip: 2,
    weightDecay: { start: 0.02, end: 0.02 },
    ema: 0,
  },
  every: { log: 0, validate: 0, picture: 0, checkpoint: 0 },
  conditionDrop: 0.1,
  progressive: null,
  masking: { leastRate: 0.05, deviation: 0.5, programs: 3 },
});

interface Shared extends DigitsSetupRequest {
  readonly data: DataSet;
  readonly name: Cell['tokenizer'];
  readonly model: string;
}

/** The tokenizer of a shipped model, or the one of several scales over its weights. */
async function openShared({ engine, models, folder, data, name, model, note }: Shared) {
  const { tokenizer } = await readManifest(join(models, model));
  const { file, sha256 } = tokenizer.weights!;
  const weights: FileWeights = await fileWeights(join(models, model, file));
  const open = (plugin: string, config: unknown) => {
    const part: Part<TokenizerPlugin> = {
      plugin: builtInPlugins.tokenizers.find((one) => one.name === plugin)!,
      config,
    };
    // Without what is measured of the encodings: they do not depend on it.
    const tokenizerDigest = `${sha256} ${plugin} ${JSON.stringify({ ...(config as object), scaleStd: undefined })}`;
    return openSharedTokenizer({ engine, data, part, weights, folder: join(folder, name), tokenizerDigest, note });
  };
  if (name !== 'kl-scales') return { opened: await open(tokenizer.plugin, tokenizer.config), weights };
  const config = { ...(tokenizer.config as { latentScale: number }), patch_size: 1, patch_nums: SCALES };
  const plain = await open(name, { ...config, scaleStd: SCALES.map(() => 1) });
  plain.tokenizer.dispose();
  const stds = await scaleStdOf(engine, SCALES, plain.encoded.train);
  return { opened: await open(name, { ...config, scaleStd: stds.map((std) => std * config.latentScale) }), weights };
}

interface SharedTokenizerRequest {
  readonly engine: Engine;
  readonly data: DataSet;
  readonly part: Part<TokenizerPlugin>;
  readonly weights: Weights;
  /** Where encodings are kept from run to run. */
  readonly folder: string;
  /** All that decides them besides the data. */
  readonly tokenizerDigest: string;
  /** Is told why encodings that were kept are made again. */
  readonly note: (sentence: string) => void;
}

const BATCH = 50;

/** Builds a tokenizer and encodes both splits with it. */
export async function openSharedTokenizer(request: SharedTokenizerRequest): Promise<SharedTokenizer> {
  const { engine, data, part, weights, folder, tokenizerDigest, note } = request;
  const { plugin, config } = part;
  const tokenizer = plugin.build(plugin.config.parse(config, plugin.name), { engine, weights });
  const encode = (split: 'train' | 'validation') => {
    const given = { tokenizerDigest, tokenizer, batch: BATCH, progress: () => silentProgress, note };
    return encodedSplit(data[split], { ...given, path: join(folder, `${split}.safetensors`) });
  };
  const madeOf = `${tokenizerDigest} ${await data.train.digest()} ${await data.validation.digest()}`;
  return { part, tokenizer, madeOf, encoded: { train: await encode('train'), validation: await encode('validation') } };
}
