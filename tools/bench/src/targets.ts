import { writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { TesseraError } from '@tessera/errors';
import type { TargetName, TargetTimes, TargetUse } from '@tessera/targets';
import { describeTensorFlow, findInstallation } from '@tessera/tensorflow-setup';
import type { BenchmarkRun, TargetJob } from './arguments.ts';
import { jobs } from './jobs.ts';
import { measureSides, type SideEngine } from './measure.ts';
import { markdownTable, seconds } from './format.ts';

/** Every way to run a program, and whether it needs TensorFlow. */
const columns: readonly (SideEngine & { readonly title: string })[] = [
  { title: 'ONNX Runtime', target: 'onnx' },
  { title: 'plain tfjs on TensorFlow', target: 'tensorflow-eager' },
  { title: 'TensorFlow graph', target: 'tensorflow', xla: 'never' },
  { title: 'TensorFlow, XLA between products', target: 'tensorflow', xla: 'auto' },
  { title: 'TensorFlow, all by XLA', target: 'tensorflow', xla: 'always' },
];

/** All targets and PyTorch in turn, job by job: the table from which engines choose. */
export const benchTargets: BenchmarkRun = async (request, print) => {
  print(`TensorFlow: ${await describeTensorFlow()}`);
  if (request.write && findInstallation() === null) throw nothingToWrite();
  const here = columns.filter(({ target }) => target === 'onnx' || findInstallation() !== null);
  const measured: JobTimes[] = [];
  for (const name of request.jobs) {
    const job = await jobs[name]();
    print(job.title);
    // XLA compiles for each of the many shapes of an image, for minutes: it has no chance there.
    const engines = here.filter(({ xla }) => xla === undefined || xla === 'never' || job.kind === 'training');
    const { ours, peers } = await measureSides(request, { job, engines }, print);
    const times = engines.map(({ title }, i) => ({ title, seconds: ours[i]!.figures['total']! }));
    const all = [...times, ...peers.map(({ figures }) => ({ title: 'PyTorch', seconds: figures['total']! }))];
    measured.push({ job: name, kind: job.kind, times: all });
  }
  print(tableOf(measured));
  if (request.write) print(`written: ${await writeTargetTimes(measured)}`);
  return { jobs: measured };
};

function nothingToWrite(): TesseraError {
  return new TesseraError({
    code: 'option',
    who: 'bench',
    got: '--write without TensorFlow',
    expected: 'every target, since the table is written whole',
    next: 'Run `npx tessera setup tensorflow` first.',
  });
}

/** A row for each job: seconds, and the ratio to PyTorch where it ran. */
function tableOf(measured: readonly JobTimes[]): string {
  const titles = [...columns.map(({ title }) => title), 'PyTorch'];
  const rows = measured.map(({ job, times }) => {
    const secondsOf = (title: string): number | null => times.find((time) => time.title === title)?.seconds ?? null;
    const torch = secondsOf('PyTorch');
    const cell = (title: string): string => {
      const time = secondsOf(title);
      if (time === null) return '';
      return torch === null || title === 'PyTorch' ? seconds(time) : `${seconds(time)} (${(time / torch).toFixed(2)})`;
    };
    return [job, ...titles.map(cell)];
  });
  return markdownTable([['', ...titles], ...rows]);
}

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
async function writeTargetTimes(measured: readonly JobTimes[]): Promise<string> {
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

/** Seconds of one column in one job. */
interface TargetTime {
  readonly title: string;
  readonly seconds: number;
}

interface JobTimes {
  readonly job: TargetJob;
  readonly kind: 'inference' | 'training';
  readonly times: readonly TargetTime[];
}
