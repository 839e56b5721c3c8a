import { bytes, seconds, table } from './format.ts';
import type { Comparison } from './measure.ts';

/** Times of an image's parts and memory of both sides. */
export function reportImage({ ours, torch, peers, ratio }: Comparison): string {
  const columns = [ours, ...peers];
  const row = (name: string, figure: string, format: (value: number) => string): string[] => [
    name,
    ...columns.map(({ figures }) => format(figures[figure]!)),
  ];
  const first = columns.map(({ figures }) => `${((100 * figures['first']!) / figures['total']!).toFixed(1)}%`);
  const rows = [
    [`median of ${ours.runs.length}`, ...columns.map(({ runtime }) => runtime)],
    row('image', 'total', seconds),
    row('  all tokens', 'tokens', seconds),
    row('  decoder', 'decoder', seconds),
    row('first step', 'first', seconds),
    ['  of the image', ...first],
    row('processor time', 'cpu', seconds),
    row('peak memory', 'peakMemory', bytes),
  ];
  return [
    table(rows),
    ...(ratio === null ? [] : [`Tessera takes ${ratio.toFixed(2)} of the time of ${torch!.runtime}`]),
  ].join('\n');
}

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
