import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { TargetName, TargetUse } from '@tessera/engine';
import type { JobTimes } from './bench-targets.ts';

const FILE = new URL('../../engine/src/target-times.ts', import.meta.url);

/** The column that stands for a target: what the option `xla: 'auto'` means for this use. */
const COLUMNS: Readonly<Record<TargetUse, Readonly<Partial<Record<TargetName, string>>>>> = {
  inference: {
    onnx: 'ONNX Runtime',
    tensorflow: 'TensorFlow graph',
    'tensorflow-eager': 'plain tfjs on TensorFlow',
  },
  training: {
    onnx: 'ONNX Runtime',
    tensorflow: 'TensorFlow, XLA between products',
    'tensorflow-eager': 'plain tfjs on TensorFlow',
  },
};

/** Writes the measured times into the source from which engines choose; gives its path. */
export async function writeTargetTimes(measured: readonly JobTimes[]): Promise<string> {
  const source = await readFile(FILE, 'utf8');
  const lines = (['inference', 'training'] as const).map((use) => {
    const times = Object.entries(COLUMNS[use]).map(([target, title]) => [target, meanTime(measured, use, title)]);
    const known = times.filter(([, time]) => time !== null);
    const entries = known.map(([target, time]) => `${/-/.test(String(target)) ? `'${target}'` : target}: ${time}`);
    return `  ${use}: { ${entries.join(', ')} },\n`;
  });
  await writeFile(FILE, source.replace(/ {2}inference: [^]*?(?=^};)/m, lines.join('')));
  return fileURLToPath(FILE);
}

/** Geometric mean of a column's time over that of ONNX Runtime; null where a job lacks it. */
function meanTime(measured: readonly JobTimes[], use: TargetUse, title: string): number | null {
  const ratios = measured
    .filter(({ kind }) => kind === use)
    .map(({ times }) => {
      const secondsOf = (column: string) => times.find((time) => time.title === column)?.seconds ?? NaN;
      return secondsOf(title) / secondsOf('ONNX Runtime');
    });
  const mean = Math.exp(ratios.reduce((sum, ratio) => sum + Math.log(ratio), 0) / ratios.length);
  return Number.isFinite(mean) ? Number(mean.toFixed(2)) : null;
}
