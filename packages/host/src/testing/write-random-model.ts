import { compose } from '@tessera/core';
import { createEngine } from '@tessera/engine';
import { builtInPlugins, freshWeights, savedTensors, saveModel, type ModelManifest } from '@tessera/models';

export interface RandomModelOptions {
  readonly name: string;
  /** Width and depth of the transformer: what a step costs. */
  readonly width: number;
  readonly depth: number;
  readonly channels: 1 | 3;
}

/** Sides of the scales: as many steps as the model family has, on a small map. */
const scales = [1, 2, 3, 4, 6, 8];
const latent = 8;

/** A model folder with untrained weights: every path of a real one, and pictures of noise. */
export async function writeRandomModel(folder: string, options: RandomModelOptions): Promise<void> {
  const manifest = manifestOf(options);
  const engine = createEngine({ target: 'eager' });
  const weights = { tokenizer: freshWeights(1), backbone: freshWeights(2), head: freshWeights(3) };
  const { tokenizers, orders, backbones, heads } = builtInPlugins;
  const parts = {
    tokenizer: { plugin: tokenizers[0]!, config: manifest.tokenizer.config },
    order: { plugin: orders[0]!, config: manifest.order.config },
    backbone: { plugin: backbones[0]!, config: manifest.backbone.config },
    head: { plugin: heads[0]!, config: manifest.head.config },
  };
  const { tokenizer, backbone, head } = compose(parts, { engine, weights });
  const tensors = {
    tokenizer: savedTensors(weights.tokenizer),
    backbone: savedTensors(weights.backbone),
    head: savedTensors(weights.head),
  };
  await saveModel(folder, { manifest, tensors, dtype: 'float32' });
  for (const one of [tokenizer, backbone, head, weights.tokenizer, weights.backbone, weights.head, engine])
    one.dispose();
}

function manifestOf({ name, width, depth, channels }: RandomModelOptions): ModelManifest {
  const weight = Array.from({ length: latent }, (_, i) =>
    Array.from({ length: channels }, (_, j) => ((i + j) % 3) - 1),
  );
  const preview = { weight, bias: new Array<number>(channels).fill(0.5) };
  const size = { V: 64, Cvae: latent, ch: 16, ch_mult: [1, 2, 2], groups: 8, num_res_blocks: 1 };
  return {
    format: 'tessera-model',
    version: 1,
    name,
    title: `Noise (${name})`,
    description: 'Untrained, for tests.',
    licence: 'MIT',
    data: 'none',
    classes: ['zero', 'one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight', 'nine'],
    tokenizer: { plugin: 'vq', config: { ...size, in_channels: channels, patch_nums: scales, preview } },
    order: { plugin: 'next-scale', config: {} },
    backbone: { plugin: 'next-scale-transformer', config: { classes: 10, depth, width, heads: 4 } },
    head: { plugin: 'categorical', config: {} },
    defaults: { guidance: { kind: 'ramp', scale: 1.5 }, options: { topK: 32, topP: 0.95 }, preview: 'linear' },
  };
}
