import { join } from 'node:path';
import type { Job } from './job.ts';
import { randomModel } from './random-model.ts';

/** MAR-B of the paper's table 4, on KL-16 latents of 256-pixel images. */
const TRUNK = { depth: 12, width: 768, heads: 12 };
const PARTS = { buffer: 64, blocks: 6, width: 1024, latentScale: 0.2325 };
const SAMPLING = { label: 207, cfg: 2.9 };

interface Steps {
  readonly steps: number;
  readonly denoising: number;
}

/** Whole images of MAR-B, guidance on, with the full decoder. */
export const marImage = async ({ steps, denoising }: Steps): Promise<Job> => {
  const folder = await writeModel();
  const files = ['backbone', 'head', 'tokenizer'].map((part) => join(folder, `${part}.safetensors`));
  const { label, cfg } = SAMPLING;
  const options = { steps, respacing: String(denoising), temperature: 1 };
  return {
    title: `MAR-B, one 256-pixel image in ${steps} steps of ${denoising}, guidance 2.9 linear, decoder included; random weights`,
    kind: 'inference',
    name: { ours: 'image', torch: 'mar_b' },
    ours: { folder, request: { labels: [label], guidance: cfg, options }, warmUp: 2 },
    torch: { ...SAMPLING, ...PARTS, files, steps, denoising, encoder: TRUNK, decoder: TRUNK },
    warmUp: false,
  };
};

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
