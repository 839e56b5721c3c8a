import type { Job } from './job.ts';
import { marImage } from './mar-image.ts';
import { marTraining } from './mar-training.ts';
import { varImage } from './var-image.ts';
import { varTraining } from './var-training.ts';
import { vqTraining } from './vq-training.ts';

/** What is held against PyTorch; making a job may write a model of random weights. */
export const jobs = {
  'var-d16': varImage,
  'var-train': varTraining,
  'vqvae-train': vqTraining,
  'mar-b-64x100': () => marImage({ steps: 64, denoising: 100 }),
  'mar-b-16x20': () => marImage({ steps: 16, denoising: 20 }),
  'mar-train': marTraining,
} satisfies Readonly<Record<string, () => Promise<Job>>>;
