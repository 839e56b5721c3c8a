import type { Comparison } from './compare-sides.ts';
import { bytes, seconds, table } from './format.ts';

/** Time of a training step and memory of both sides. */
export function reportSteps({ ours, torch, ratio }: Comparison): string {
  const columns = torch ? [ours, torch] : [ours];
  const rows = [
    [`median of ${ours.runs.length}`, ...columns.map(({ runtime }) => runtime)],
    ['step', ...columns.map(({ figures }) => seconds(figures['total']!))],
    ['processor time', ...columns.map(({ figures }) => seconds(figures['cpu']!))],
    ['peak memory', ...columns.map(({ figures }) => bytes(figures['peakMemory']!))],
  ];
  return [table(rows), ...(ratio === null ? [] : [`Tessera takes ${ratio.toFixed(2)} of PyTorch's time`])].join('\n');
}
