import { join } from 'node:path';
import { varPresets, varTokenizer } from '@tessera/models';
import { phiIndex } from '@tessera/tokenizer-vq';
import type { BenchmarkRun } from './benchmark-run.ts';
import { compareSides, type Comparison } from './compare-sides.ts';
import { bytes, seconds, table } from './format.ts';
import { randomModel } from './random-model.ts';

/** As the published FID is measured. */
const SAMPLING = { label: 207, cfg: 1.5, topK: 900, topP: 0.96 };

/** One whole image of VAR-d16, guidance on, with the full decoder. */
export const benchVarImage: BenchmarkRun = async (request, print) => {
  print('VAR-d16, one 256-pixel image, guidance 1.5, top-k 900, top-p 0.96, decoder included; random weights');
  const { backbone, patchNums } = varPresets.d16;
  const tokenizer = varTokenizer(patchNums);
  const folder = await randomModel({ name: 'var-d16', backbone, tokenizer });
  const { depth, heads } = backbone;
  const phis = patchNums.map((_, scale) => phiIndex(scale, patchNums.length, tokenizer.share_quant_resi));
  const files = ['backbone', 'head', 'tokenizer'].map((part) => join(folder, `${part}.safetensors`));
  const torch = { ...SAMPLING, files, depth, heads, patchNums, phiIndex: phis };
  const settings = { name: { ours: 'var-image', torch: 'var_d16' }, ours: { ...SAMPLING, folder }, torch };
  const comparison = await compareSides(request, settings, print);
  print(report(comparison));
  return comparison;
};

function report({ ours, torch, ratio }: Comparison): string {
  const columns = torch ? [ours, torch] : [ours];
  const row = (name: string, figure: string, format: (value: number) => string): string[] => [
    name,
    ...columns.map(({ figures }) => format(figures[figure]!)),
  ];
  const first = columns.map(({ figures }) => `${((100 * figures['first']!) / figures['total']!).toFixed(1)}%`);
  const rows = [
    [`median of ${ours.runs.length}`, ...columns.map(({ runtime }) => runtime)],
    row('image', 'total', seconds),
    row('  transformer', 'transformer', seconds),
    row('  decoder', 'decoder', seconds),
    row('first scale', 'first', seconds),
    ['  of the image', ...first],
    row('processor time', 'cpu', seconds),
    row('peak memory', 'peakMemory', bytes),
  ];
  return [table(rows), ...(ratio === null ? [] : [`Tessera takes ${ratio.toFixed(2)} of PyTorch's time`])].join('\n');
}
