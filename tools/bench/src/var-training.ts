import type { Job } from './job.ts';

/** The training step whose time the VAR specification quotes: 18.3M parameters, 155 tokens an image. */
const SIZE = {
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
export const varTraining = async (): Promise<Job> => ({
  title: 'VAR training step: depth 6, width 384, scales 1 2 3 4 5 6 8, vocabulary 4096, batch 16, AdamW, clip 2',
  kind: 'training',
  name: { ours: 'var-training', torch: 'var_train' },
  ours: SIZE,
  torch: SIZE,
});
