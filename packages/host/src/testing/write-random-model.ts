import { compose } from '@tessera/core';
import { createEngine } from '@tessera/targets';
import { freshWeights, resolveParts, savedTensors, saveModel, type ModelManifest, type Plugins } from '@tessera/models';

interface RandomModelOptions {
  readonly name: string;
  /** Width and depth of the transformer: what a step costs. */
  readonly width: number;
  readonly depth: number;
  readonly channels: 1 | 3;
  /**
   * What comes in a step: a scale (VAR), which is what is made where nothing is said, a random set of tokens (MAR), the
   * tokens that the head is surest of (MaskGIT), or one token (a causal transformer).
   */
  readonly step?: keyof typeof partsOf;
  /** A head of a project, which takes no configuration, in the place of our own. */
  readonly head?: { readonly plugin: string; readonly plugins: Partial<Plugins> };
  /** A condition of a project, which gives a vector and a map, in the place of ten classes: of scales alone. */
  readonly condition?: { readonly plugin: string; readonly config: unknown; readonly plugins: Partial<Plugins> };
}

const latent = 8;

/** A model folder with untrained weights: every path of a real one, and pictures of noise. */
export async function writeRandomModel(folder: string, options: RandomModelOptions): Promise<void> {
  const manifest = manifestOf(options);
  const engine = createEngine({ target: 'eager' });
  const weights = { tokenizer: freshWeights(1), backbone: freshWeights(2), head: freshWeights(3) };
  const parts = resolveParts(manifest, options.name, (options.head ?? options.condition)?.plugins);
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

type PartEntries = Pick<ModelManifest, 'tokenizer' | 'order' | 'backbone' | 'head' | 'defaults'>;

function manifestOf({ step = 'scale', ...options }: RandomModelOptions): ModelManifest {
  const { name, condition } = options;
  return {
    format: 'tessera-model',
    version: 1,
    name,
    title: `Noise (${name})`,
    description: 'Untrained, for tests.',
    licence: 'MIT',
    data: 'none',
    classes: condition ? [] : ['zero', 'one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight', 'nine'],
    ...(condition && { condition: { plugin: condition.plugin, config: condition.config } }),
    ...partsOf[step](options),
  };
}

const partsOf = { scale: scaleParts, set: setParts, surest: surestParts, token: tokenParts };

/** Six steps, from 1 to 64 tokens. */
function scaleParts({ width, depth, channels, condition }: RandomModelOptions): PartEntries {
  const config = { ...levels(channels), V: 64, Cvae: latent, patch_nums: [1, 2, 3, 4, 6, 8] };
  return {
    tokenizer: { plugin: 'vq', config },
    order: { plugin: 'next-scale', config: {} },
    backbone: {
      plugin: 'next-scale-transformer',
      config: { ...(condition ? { map: true } : { classes: 10 }), depth, width, heads: 4 },
    },
    head: { plugin: 'categorical', config: {} },
    defaults: { guidance: { kind: 'ramp', scale: 1.5 }, options: { topK: 32, topP: 0.95 }, preview: 'linear' },
  };
}

/** 64 tokens in five steps. */
function setParts({ width, depth, channels, head }: RandomModelOptions): PartEntries {
  const config = { ...levels(channels), z_channels: latent, resolution: 32, latentScale: 1 };
  const transformer = { depth, width, heads: 4 };
  const masked = { classes: 10, encoder: transformer, decoder: transformer, buffer: 4 };
  return {
    tokenizer: { plugin: 'kl', config },
    order: { plugin: 'random-sets', config: {} },
    backbone: { plugin: 'masked-encoder-decoder', config: masked },
    head: head ? { plugin: head.plugin, config: {} } : { plugin: 'diffusion', config: { blocks: 1, width } },
    defaults: {
      guidance: { kind: 'linear', scale: 2 },
      options: { steps: 5, ...(!head && { respacing: '4' }) },
      preview: 'linear',
    },
  };
}

/** 16 tokens of a codebook in four steps. */
function surestParts({ width, depth, channels }: RandomModelOptions): PartEntries {
  const transformer = { depth, width, heads: 4 };
  return {
    tokenizer: { plugin: 'vq', config: { ...levels(channels), V: 64, Cvae: latent, patch_nums: [4] } },
    order: { plugin: 'confidence', config: {} },
    backbone: {
      plugin: 'masked-encoder-decoder',
      config: { classes: 10, encoder: transformer, decoder: transformer, buffer: 4 },
    },
    head: { plugin: 'categorical', config: { initScale: 2 } },
    defaults: { guidance: { kind: 'constant', scale: 2 }, options: { steps: 4 }, preview: 'linear' },
  };
}

/** 16 tokens of a codebook, one by one in an order of each image's own. */
function tokenParts({ width, depth, channels }: RandomModelOptions): PartEntries {
  return {
    tokenizer: { plugin: 'vq', config: { ...levels(channels), V: 64, Cvae: latent, patch_nums: [4] } },
    order: { plugin: 'random', config: {} },
    backbone: { plugin: 'causal-transformer', config: { classes: 10, depth, width, heads: 4 } },
    head: { plugin: 'categorical', config: { initScale: 2 } },
    defaults: { guidance: { kind: 'linear', scale: 2 }, options: { topK: 16 }, preview: 'linear' },
  };
}

/** Of both autoencoders: from 32 x 32 pixels to 8 x 8. */
function levels(channels: number) {
  const weight = Array.from({ length: latent }, (_, i) =>
    Array.from({ length: channels }, (_, j) => ((i + j) % 3) - 1),
  );
  const preview = { weight, bias: new Array<number>(channels).fill(0.5) };
  return { ch: 16, ch_mult: [1, 2, 2], groups: 8, num_res_blocks: 1, in_channels: channels, preview };
}
