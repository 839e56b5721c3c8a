const optimiser = {
  learningRate: { shape: 'cos', peak: 0.003, warmup: 2, endFactor: 0.1 },
  betas: [0.9, 0.95],
  clip: 2,
  weightDecay: { start: 0.05, end: 0.05 },
};

/** A recipe of seconds, as untrusted JSON. */
export const microRecipe = {
  format: 'tessera-recipe',
  version: 1,
  name: 'micro',
  title: 'Micro',
  seed: 3,
  data: { kind: 'folder', path: 'nowhere', size: 8, channels: 1 },
  judge: { kind: 'train', widths: [8, 16], steps: 8, batch: 8, optimiser },
  model: {
    tokenizer: {
      plugin: 'vq',
      config: {
        V: 16,
        Cvae: 4,
        ch: 4,
        ch_mult: [1, 2],
        num_res_blocks: 1,
        in_channels: 1,
        patch_nums: [1, 2, 4],
        groups: 2,
      },
    },
    order: { plugin: 'next-scale', config: {} },
    backbone: {
      plugin: 'next-scale-transformer',
      config: { classes: 2, depth: 1, width: 16, heads: 2, dropPath: 0.1 },
    },
    head: { plugin: 'categorical', config: {} },
    defaults: { guidance: { kind: 'ramp', scale: 1 }, options: { topK: 8 }, preview: 'linear' },
  },
  tokenizer: {
    kind: 'vq',
    steps: 8,
    batch: 8,
    accumulate: 2,
    optimiser: { ...optimiser, ema: 0.9 },
    loss: { l1: 1, l2: 1 },
    codebook: { startImages: 8, deadBelow: 0.5, reviveUntil: 0.8, reviveEvery: 3 },
    every: { validate: 4, picture: 4, checkpoint: 4 },
  },
  generator: {
    steps: 8,
    batch: 8,
    progressive: { until: 0.5, first: 1, fade: 2 },
    optimiser: { ...optimiser, ema: 0.9 },
    every: { log: 1, validate: 4, picture: 0, checkpoint: 4 },
  },
  evaluation: { samples: 8, neighbours: 4 },
};

const transformer = { depth: 1, width: 16, heads: 2 };

/** The same for continuous tokens and masked prediction. */
export const microMasked = {
  ...microRecipe,
  name: 'micro-masked',
  model: {
    tokenizer: {
      plugin: 'kl',
      config: {
        z_channels: 2,
        ch: 4,
        ch_mult: [1, 2],
        num_res_blocks: 1,
        in_channels: 1,
        resolution: 8,
        attn_resolutions: [],
        groups: 2,
      },
    },
    order: { plugin: 'random-sets', config: {} },
    backbone: {
      plugin: 'masked-encoder-decoder',
      config: { classes: 2, encoder: transformer, decoder: transformer, buffer: 2 },
    },
    head: { plugin: 'diffusion', config: { blocks: 1, width: 16, repeats: 2 } },
    defaults: { guidance: { kind: 'linear', scale: 2 }, options: { steps: 4, respacing: '4,0' }, preview: 'linear' },
  },
  tokenizer: {
    kind: 'kl',
    steps: 8,
    batch: 8,
    accumulate: 2,
    optimiser: { ...optimiser, ema: 0.9 },
    loss: { l1: 1, l2: 1, kl: 0.002 },
    every: { validate: 4, picture: 4, checkpoint: 4 },
  },
  generator: {
    steps: 8,
    batch: 8,
    masking: { leastRate: 0, deviation: 0.5, programs: 2 },
    optimiser: { ...optimiser, ema: 0.9 },
    every: { log: 1, validate: 4, picture: 0, checkpoint: 4 },
  },
};

/** The same for continuous tokens of several scales. */
export const microScales = {
  ...microMasked,
  name: 'micro-scales',
  model: {
    ...microMasked.model,
    tokenizer: {
      plugin: 'kl-scales',
      config: { ...microMasked.model.tokenizer.config, patch_nums: [1, 2, 4] },
    },
    order: microRecipe.model.order,
    backbone: microRecipe.model.backbone,
    defaults: { ...microMasked.model.defaults, options: { respacing: '4,0' } },
  },
  generator: microRecipe.generator,
};
