import { writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import type { TargetName, TargetTimes, TargetUse } from '@tessera/targets';
import type { JobTimes } from './job-times.ts';

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

/** Writes the measured times into the file from which engines choose; gives its path. */
export async function writeTargetTimes(measured: readonly JobTimes[]): Promise<string> {
  const path = createRequire(import.meta.url).resolve('@tessera/targets/target-times.json');
  await writeFile(path, `${JSON.stringify(ratiosOf(measured), null, 2)}\n`);
  return path;
}

/** Each target's time over that of ONNX Runtime, where a job has it. */
export function ratiosOf(measured: readonly JobTimes[]): TargetTimes {
  const ratios = (use: TargetUse) => {
    const times = Object.entries(COLUMNS[use]).map(([target, title]) => [target, meanTime(measured, use, title)]);
    return Object.fromEntries(times.filter(([, time]) => time !== null)) as TargetTimes[TargetUse];
  };
  return { inference: ratios('inference'), training: ratios('training') };
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
