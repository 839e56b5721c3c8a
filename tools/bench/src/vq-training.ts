import { phiIndex, vqTokenizer } from '@tessera/tokenizer-vq';
import type { Job } from './job.ts';
import { randomTokenizer } from './random-model.ts';

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
export const vqTraining = async (): Promise<Job> => {
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
};
