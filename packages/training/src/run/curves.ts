import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { LogLine } from '../report/json-log.ts';
import { lineChart, type Series } from '../report/line-chart.ts';
import type { Room } from './room.ts';

/** What is drawn of each stage: one chart a file. */
const CHARTS = [
  { stage: 'judge', file: 'judge', title: 'Judge: cross-entropy', names: ['loss', 'validation.loss'] },
  {
    stage: 'tokenizer',
    file: 'tokenizer',
    title: 'Tokenizer: losses',
    names: ['l1', 'l2', 'quantiser', 'kl', 'validation.l1'],
  },
  { stage: 'generator', file: 'generator', title: 'Generator: loss a token', names: ['loss', 'validation.loss'] },
] as const;

/** Draws the loss curves of a run from its log, as SVG files in `curves/`. A stage without a log has none. */
export async function drawCurves({ log, out }: Pick<Room, 'log' | 'out'>): Promise<void> {
  const lines = await log.read();
  await mkdir(join(out, 'curves'), { recursive: true });
  for (const { stage, file, title, names } of CHARTS) {
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

function seriesOf(lines: readonly LogLine[], name: string): Series {
  const points = lines.flatMap((line) => {
    const value = line[name];
    return typeof value === 'number' ? [[line.step, value] as const] : [];
  });
  return { name, points };
}
