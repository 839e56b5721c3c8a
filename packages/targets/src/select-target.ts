import { readFileSync } from 'node:fs';
import { TesseraError } from '@tessera/errors';
import { findInstallation, whyNotInstalled } from '@tessera/tensorflow-setup';

/**
 * Where programs run. `onnx` needs npm alone and is fast; `tensorflow` is what `tessera setup tensorflow` adds, for
 * training and GPUs; `eager` is plain tfjs on its cpu backend, the reference, and `tensorflow-eager` plain tfjs on the
 * kernels of TensorFlow.
 */
export type TargetName = 'eager' | 'onnx' | 'tensorflow' | 'tensorflow-eager';

export const TARGETS: readonly TargetName[] = ['onnx', 'tensorflow', 'eager', 'tensorflow-eager'];

/** What a target is chosen for. */
export type TargetUse = 'inference' | 'training';

/** Time of each target over that of ONNX Runtime on the same work, the geometric mean of the benchmark's jobs. */
export type TargetTimes = Readonly<Record<TargetUse, Readonly<Partial<Record<TargetName, number>>>>>;

/** As lately measured: `npm run bench -- targets --write` writes the file; see docs/benchmarks.md. */
export function targetTimes(): TargetTimes {
  return JSON.parse(readFileSync(new URL('../target-times.json', import.meta.url), 'utf8')) as TargetTimes;
}

/** ONNX Runtime comes with npm and is small: others are chosen where they take this share of its time, or less. */
const WORTHWHILE = 0.9;

interface TargetChoice {
  readonly target: TargetName;
  /** One line for health pages. */
  readonly why: string;
}

export interface TargetQuestion {
  readonly use: TargetUse;
  readonly asked?: string | undefined;
  readonly environment?: NodeJS.ProcessEnv;
}

/**
 * Chooses where programs run: what is asked for, else what the environment variable TESSERA_TARGET says, else what is
 * here and was fastest when it was measured; ONNX Runtime where that is fast enough.
 * @throws TesseraError `target-unknown`
 */
export function selectTarget({ use, asked, environment = process.env }: TargetQuestion): TargetChoice {
  if (asked !== undefined) return { target: check(asked, 'createEngine'), why: `${asked}: asked for` };
  const variable = environment['TESSERA_TARGET'];
  if (variable) return { target: check(variable, 'TESSERA_TARGET'), why: `${variable}: TESSERA_TARGET says so` };
  const hasTensorFlow = findInstallation(environment) !== null;
  const here = TARGETS.filter((target) => hasTensorFlow || !target.startsWith('tensorflow'));
  const times = targetTimes()[use];
  const timeOf = (target: TargetName): number => times[target] ?? Infinity;
  const fastest = here.reduce((best, one) => (timeOf(one) < timeOf(best) ? one : best));
  const target = timeOf(fastest) <= WORTHWHILE ? fastest : 'onnx';
  const reason = hasTensorFlow ? reasonOf(target, timeOf(fastest)) : `TensorFlow is ${whyNotInstalled(environment)}`;
  return { target, why: `${target}: the default for ${use}, ${reason}` };
}

function reasonOf(target: TargetName, time: number): string {
  if (target !== 'onnx') return `measured to take ${time.toFixed(2)} of the time of ONNX Runtime`;
  return 'TensorFlow was not measured to be faster by a tenth';
}

function check(name: string, who: string): TargetName {
  const target = TARGETS.find((known) => known === name);
  if (target) return target;
  throw new TesseraError({
    code: 'target-unknown',
    who,
    got: `the target '${name}'`,
    expected: TARGETS.map((known) => `'${known}'`).join(' or '),
  });
}
