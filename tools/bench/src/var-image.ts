import { join } from 'node:path';
import { varPresets, varTokenizer } from '@tessera/models';
import { phiIndex } from '@tessera/tokenizer-vq';
import type { Job } from './job.ts';
import { randomVar } from './random-var.ts';

/** As the published FID is measured. */
const SAMPLING = { label: 207, cfg: 1.5, topK: 900, topP: 0.96 };

/** One whole image of VAR-d16, guidance on, with the full decoder. */
export const varImage = async (): Promise<Job> => {
  const { backbone, patchNums } = varPresets.d16;
  const tokenizer = varTokenizer(patchNums);
  const { label, cfg, topK, topP } = SAMPLING;
  const options = { topK, topP };
  const folder = await randomVar({ name: 'var-d16', backbone, tokenizer });
  const { depth, heads } = backbone;
  const phis = patchNums.map((_, scale) => phiIndex(scale, patchNums.length, tokenizer.share_quant_resi));
  const files = ['backbone', 'head', 'tokenizer'].map((part) => join(folder, `${part}.safetensors`));
  return {
    title: 'VAR-d16, one 256-pixel image, guidance 1.5, top-k 900, top-p 0.96, decoder included; random weights',
    kind: 'inference',
    name: { ours: 'image', torch: 'var_d16' },
    ours: { folder, request: { labels: [label], guidance: cfg, options }, warmUp: 0 },
    torch: { ...SAMPLING, files, depth, heads, patchNums, phiIndex: phis },
  };
};
