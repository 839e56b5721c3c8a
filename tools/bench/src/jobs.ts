import { join } from 'node:path';
import { varPresets, varTokenizer } from '@tessera/models';
import { imagesOfClasses } from '@tessera/request';
import { phiIndex, vqTokenizer } from '@tessera/tokenizer-vq';
import { randomModel, randomTokenizer, randomVar } from './random-model.ts';

/** What is compared with PyTorch. Making a job may write a model of random weights. */
export const jobs = {
  'var-d16': varImage,
  'var-train': varTraining,
  'vqvae-train': vqTraining,
  'mar-b-64x100': () => marImage({ steps: 64, denoising: 100 }),
  'mar-b-16x20': () => marImage({ steps: 16, denoising: 20 }),
  'mar-train': marTraining,
} satisfies Readonly<Record<string, () => Promise<Job>>>;

/** One piece of work, done alike by our side and PyTorch's. */
export interface Job {
  /** What is measured, for people. */
  readonly title: string;
  /** What an engine would choose its target for. */
  readonly kind: 'inference' | 'training';
  /** File names without their ending: `sides/NAME.ts` and `torch/NAME.py`. */
  readonly name: { readonly ours: string; readonly torch: string };
  readonly ours: object;
  readonly torch: object;
  /** False where the sides warm up by themselves. */
  readonly warmUp?: boolean;
}

/** As the published FID is measured. */
const VAR_SAMPLING = { label: 207, cfg: 1.5, topK: 900, topP: 0.96 };

/** One whole image of VAR-d16, guidance on, with the full decoder. */
async function varImage(): Promise<Job> {
  const { backbone, patchNums } = varPresets.d16;
  const tokenizer = varTokenizer(patchNums);
  const { label, cfg, topK, topP } = VAR_SAMPLING;
  const options = { topK, topP };
  const folder = await randomVar({ name: 'var-d16', backbone, tokenizer });
  const { depth, heads } = backbone;
  const phis = patchNums.map((_, scale) => phiIndex(scale, patchNums.length, tokenizer.share_quant_resi));
  const files = ['backbone', 'head', 'tokenizer'].map((part) => join(folder, `${part}.safetensors`));
  return {
    title: 'VAR-d16, one 256-pixel image, guidance 1.5, top-k 900, top-p 0.96, decoder included; random weights',
    kind: 'inference',
    name: { ours: 'image', torch: 'var_d16' },
    ours: { folder, request: { images: imagesOfClasses([label]), guidance: cfg, options }, warmUp: 0 },
    torch: { ...VAR_SAMPLING, files, depth, heads, patchNums, phiIndex: phis },
  };
}

/** MAR-B of the paper's table 4, on KL-16 latents of 256-pixel images. */
const TRUNK = { depth: 12, width: 768, heads: 12 };
const PARTS = { buffer: 64, blocks: 6, width: 1024, latentScale: 0.2325 };
const MAR_SAMPLING = { label: 207, cfg: 2.9 };

interface Steps {
  readonly steps: number;
  readonly denoising: number;
}

/** Whole images of MAR-B, guidance on, with the full decoder. */
async function marImage({ steps, denoising }: Steps): Promise<Job> {
  const folder = await writeModel();
  const files = ['backbone', 'head', 'tokenizer'].map((part) => join(folder, `${part}.safetensors`));
  const { label, cfg } = MAR_SAMPLING;
  const options = { steps, respacing: String(denoising), temperature: 1 };
  return {
    title: `MAR-B, one 256-pixel image in ${steps} steps of ${denoising}, guidance 2.9 linear, decoder included; random weights`,
    kind: 'inference',
    name: { ours: 'image', torch: 'mar_b' },
    ours: { folder, request: { images: imagesOfClasses([label]), guidance: cfg, options }, warmUp: 2 },
    torch: { ...MAR_SAMPLING, ...PARTS, files, steps, denoising, encoder: TRUNK, decoder: TRUNK },
    warmUp: false,
  };
}

function writeModel(): Promise<string> {
  const { blocks, width, buffer, latentScale } = PARTS;
  return randomModel({
    name: 'mar-b',
    classes: 1000,
    tokenizer: {
      plugin: 'kl',
      config: {
        z_channels: 16,
        ch: 128,
        ch_mult: [1, 1, 2, 2, 4],
        num_res_blocks: 2,
        resolution: 256,
        latentScale,
        attn_resolutions: [16],
      },
    },
    order: { plugin: 'random-sets', config: {} },
    backbone: { plugin: 'masked-encoder-decoder', config: { classes: 1000, encoder: TRUNK, decoder: TRUNK, buffer } },
    head: { plugin: 'diffusion', config: { blocks, width } },
    defaults: { guidance: { kind: 'linear', scale: 2.9 }, options: {}, preview: 'none' },
  });
}

/** The training step whose time the VAR specification quotes: 18.3M parameters, 155 tokens an image. */
const VAR_SIZE = {
  depth: 6,
  heads: 6,
  width: 384,
  patchNums: [1, 2, 3, 4, 5, 6, 8],
  channels: 32,
  vocabulary: 4096,
  classes: 1000,
  batch: 16,
};

/** One training step of the transformer on given tokens: forward, backward, clipping, AdamW. */
async function varTraining(): Promise<Job> {
  return {
    title: 'VAR training step: depth 6, width 384, scales 1 2 3 4 5 6 8, vocabulary 4096, batch 16, AdamW, clip 2',
    kind: 'training',
    name: { ours: 'var-training', torch: 'var_train' },
    ours: VAR_SIZE,
    torch: VAR_SIZE,
  };
}

/** The training step whose time the MAR specification quotes: 19.9M parameters, 64 tokens and 64 buffers an image. */
const MAR_SIZE = {
  width: 384,
  depth: 4,
  heads: 6,
  buffer: 64,
  /** Tokens lie on a square. */
  side: 8,
  length: 64,
  channels: 16,
  classes: 1000,
  headWidth: 512,
  headBlocks: 3,
  repeats: 4,
  dropout: 0.1,
  batch: 16,
  /** The mean of the official mask rate leaves 14% known. */
  known: 9,
};

/** One training step of MAR on given latents: forward, backward, clipping, AdamW, average. */
async function marTraining(): Promise<Job> {
  return {
    title:
      'MAR training step: 4 + 4 blocks of width 384, 64 tokens and 64 buffers, denoiser 3 x 512, 4 timesteps, batch 16',
    kind: 'training',
    name: { ours: 'mar-training', torch: 'mar_train' },
    ours: MAR_SIZE,
    torch: MAR_SIZE,
  };
}

/** A tokenizer as one trains it on a desk: 64-pixel colour images, 8x8 tokens. */
const CONFIG = {
  V: 512,
  Cvae: 16,
  ch: 32,
  ch_mult: [1, 2, 2, 4],
  num_res_blocks: 1,
  patch_nums: [1, 2, 3, 4, 6, 8],
  share_quant_resi: 4,
  beta: 0.25,
};
const BATCH = 16;

/** One training step of the multi-scale VQ-VAE: reconstruction and codebook, forward, backward, AdamW. */
async function vqTraining(): Promise<Job> {
  const config = vqTokenizer.config.parse(CONFIG, 'bench');
  const { patch_nums: patchNums, share_quant_resi, ch_mult, num_res_blocks: blocks, beta } = config;
  const weights = await randomTokenizer('vq-train', config);
  const phis = patchNums.map((_, scale) => phiIndex(scale, patchNums.length, share_quant_resi));
  const torch = { weights, patchNums, levels: ch_mult.length, blocks, beta, phiIndex: phis, batch: BATCH };
  return {
    title: 'VQ-VAE training step: 64-pixel images, channels 32 64 64 128, codebook 512 x 16, batch 16, AdamW, clip 1',
    kind: 'training',
    name: { ours: 'vq-training', torch: 'vq_train' },
    ours: { config: CONFIG, batch: BATCH },
    torch,
  };
}
