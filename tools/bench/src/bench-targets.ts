import { describeTensorFlow, findInstallation } from '@tessera/tensorflow-setup';
import { TesseraError } from '@tessera/errors';
import type { BenchmarkRun } from './benchmark-run.ts';
import { measureSides, type SideEngine } from './compare-sides.ts';
import { markdownTable, seconds } from './format.ts';
import type { JobTimes } from './job-times.ts';
import { jobs } from './jobs.ts';
import { writeTargetTimes } from './target-times.ts';

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
    const { ours, torch } = await measureSides(request, { job, engines }, print);
    const times = engines.map(({ title }, i) => ({ title, seconds: ours[i]!.figures['total']! }));
    const all = torch ? [...times, { title: 'PyTorch', seconds: torch.figures['total']! }] : times;
    measured.push({ job: name, kind: job.kind, times: all });
  }
  print(tableOf(measured));
  if (request.write) print(`written: ${await writeTargetTimes(measured)}`);
  return { jobs: measured };
};

function nothingToWrite(): TesseraError {
  return new TesseraError({
    code: 'arguments',
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
