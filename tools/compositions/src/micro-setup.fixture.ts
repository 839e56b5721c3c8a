import { join } from 'node:path';
import type { Part, TokenizerPlugin } from '@tessera/core';
import type { Engine } from '@tessera/engine';
import { builtInPlugins, freshWeights } from '@tessera/models';
import { stripes } from '@tessera/training/testing';
import type { Cell, Setup, SharedTokenizer } from './cell.ts';
import { openSharedTokenizer } from './digits-setup.ts';

const SEED = 3;
const network = { ch: 4, ch_mult: [1, 2], num_res_blocks: 1, in_channels: 1, groups: 2 };
const vq = { ...network, V: 8, Cvae: 4 };
const kl = { ...network, z_channels: 2, resolution: 8, attn_resolutions: [] };

const parts: Readonly<Record<Cell['tokenizer'], { plugin: string; config: object }>> = {
  vq: { plugin: 'vq', config: { ...vq, patch_nums: [4] } },
  'vq-scales': { plugin: 'vq', config: { ...vq, patch_nums: [1, 2, 4] } },
  kl: { plugin: 'kl', config: { ...kl, latentScale: 1 } },
  'kl-scales': { plugin: 'kl-scales', config: { ...kl, latentScale: 1, patch_nums: [1, 2, 4], scaleStd: [1, 1, 1] } },
};

const transformer = { depth: 1, width: 16, heads: 2 };
const classes = 2;

/** Stripes, untrained tokenizers of at most 21 tokens, and parts of one block each. */
export async function openMicroSetup(engine: Engine, folder: string): Promise<Setup & { dispose(): void }> {
  const weights = freshWeights(SEED);
  const open = async (name: Cell['tokenizer']): Promise<SharedTokenizer> => {
    const { plugin, config } = parts[name];
    const part: Part<TokenizerPlugin> = {
      plugin: builtInPlugins.tokenizers.find((one) => one.name === plugin)!,
      config,
    };
    const own = freshWeights(SEED);
    const opened = {
      engine,
      data: stripes(16),
      part,
      weights: own,
      folder: join(folder, name),
      tokenizerDigest: name,
      note: () => undefined,
    };
    return openSharedTokenizer(opened);
  };
  const tokenizers = {
    vq: await open('vq'),
    'vq-scales': await open('vq-scales'),
    kl: await open('kl'),
    'kl-scales': await open('kl-scales'),
  };
  return {
    engine,
    tokenizers,
    backbones: {
      'next-scale-transformer': { classes, ...transformer },
      'causal-transformer': { classes, ...transformer },
      'masked-encoder-decoder': { classes, encoder: transformer, decoder: transformer, buffer: 2 },
    },
    heads: { categorical: {}, diffusion: { blocks: 1, width: 16, repeats: 2 } },
    recipe: {
      steps: 12,
      batch: 8,
      accumulate: 1,
      optimiser: {
        learningRate: { shape: 'cos', peak: 0.01, warmup: 2, startFactor: 0.1, endFactor: 0.1 },
        betas: [0.9, 0.95],
        eps: 1e-8,
        clip: 2,
        weightDecay: { start: 0, end: 0 },
        ema: 0,
      },
      every: { log: 0, validate: 0, picture: 0, checkpoint: 0 },
      conditionDrop: 0.1,
      progressive: null,
      masking: { leastRate: 0.1, deviation: 0.5, programs: 1 },
    },
    seed: SEED,
    options: { steps: 4, respacing: '4,0', topK: 4 },
    guidance: 2,
    labels: [0],
    dispose() {
      for (const { tokenizer } of Object.values(tokenizers)) tokenizer.dispose();
      weights.dispose();
    },
  };
}
