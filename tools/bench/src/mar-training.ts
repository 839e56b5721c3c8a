import type { Job } from './job.ts';

/** The training step whose time the MAR specification quotes: 19.9M parameters, 64 tokens and 64 buffers an image. */
const SIZE = {
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
export const marTraining = async (): Promise<Job> => ({
  title:
    'MAR training step: 4 + 4 blocks of width 384, 64 tokens and 64 buffers, denoiser 3 x 512, 4 timesteps, batch 16',
  kind: 'training',
  name: { ours: 'mar-training', torch: 'mar_train' },
  ours: SIZE,
  torch: SIZE,
});
