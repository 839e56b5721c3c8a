import { readFileSync } from 'node:fs';
import type { TargetName } from './target-name.ts';

/** What a target is chosen for. */
export type TargetUse = 'inference' | 'training';

/** Time of each target over that of ONNX Runtime on the same work, the geometric mean of the benchmark's jobs. */
export type TargetTimes = Readonly<Record<TargetUse, Readonly<Partial<Record<TargetName, number>>>>>;

/** As lately measured: `npm run bench -- targets --write` writes the file; see docs/benchmarks.md. */
export function targetTimes(): TargetTimes {
  return JSON.parse(readFileSync(new URL('../../targets/target-times.json', import.meta.url), 'utf8')) as TargetTimes;
}
