import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { lineChart, type Series } from './line-chart.ts';
import type { JsonLog, LogLine } from './training-log.ts';

/** The charts: which figures of which stage go into which file. */
export const charts = [
  { stage: 'judge', file: 'judge', title: 'Judge: cross-entropy', names: ['loss', 'validation.loss'] },
  {
    stage: 'tokenizer',
    file: 'tokenizer',
    title: 'Tokenizer: losses',
    names: ['l1', 'l2', 'perceptual', 'quantiser', 'kl', 'validation.l1'],
  },
  { stage: 'generator', file: 'generator', title: 'Generator: loss per token', names: ['loss', 'validation.loss'] },
] as const;

/** Draws the loss curves of a run from its log, as SVG files in `curves/`. A stage without log lines gets no file. */
export async function drawCurves({ log, out }: { readonly log: JsonLog; readonly out: string }): Promise<void> {
  const lines = await log.read();
  await mkdir(join(out, 'curves'), { recursive: true });
  for (const { stage, file, title, names } of charts) {
    const own = lines.filter((line) => line.stage === stage);
    const path = join(out, 'curves', `${file}.svg`);
    if (own.length === 0) await rm(path, { force: true });
    else
      await writeFile(
        path,
        lineChart(
          title,
          names.map((name) => seriesOf(own, name)),
        ),
      );
  }
}

export function seriesOf(lines: readonly LogLine[], name: string): Series {
  const points = lines.flatMap((line) => {
    const value = line[name];
    return typeof value === 'number' ? [[line.step, value] as const] : [];
  });
  return { name, points };
}
