import { join } from 'node:path';
import { varPresets, varTokenizer } from '@tessera/models';
import { phiIndex } from '@tessera/tokenizer-vq';
import type { BenchmarkRun } from './benchmark-run.ts';
import { compareSides } from './compare-sides.ts';
import { randomVar } from './random-var.ts';
import { reportImage } from './report-image.ts';

/** As the published FID is measured. */
const SAMPLING = { label: 207, cfg: 1.5, topK: 900, topP: 0.96 };

/** One whole image of VAR-d16, guidance on, with the full decoder. */
export const benchVarImage: BenchmarkRun = async (request, print) => {
  print('VAR-d16, one 256-pixel image, guidance 1.5, top-k 900, top-p 0.96, decoder included; random weights');
  const { backbone, patchNums } = varPresets.d16;
  const tokenizer = varTokenizer(patchNums);
  const { label, cfg, topK, topP } = SAMPLING;
  const options = { topK, topP };
  const folder = await randomVar({ name: 'var-d16', backbone, tokenizer });
  const { depth, heads } = backbone;
  const phis = patchNums.map((_, scale) => phiIndex(scale, patchNums.length, tokenizer.share_quant_resi));
  const files = ['backbone', 'head', 'tokenizer'].map((part) => join(folder, `${part}.safetensors`));
  const torch = { ...SAMPLING, files, depth, heads, patchNums, phiIndex: phis };
  const ours = { folder, request: { labels: [label], guidance: cfg, options }, warmUp: 0 };
  const comparison = await compareSides(request, { name: { ours: 'image', torch: 'var_d16' }, ours, torch }, print);
  print(reportImage(comparison));
  return comparison;
};
