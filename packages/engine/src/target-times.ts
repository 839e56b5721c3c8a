import type { TargetName } from './engine.ts';

/** What a target is chosen for. */
export type TargetUse = 'inference' | 'training';

/**
 * Time of each target over that of ONNX Runtime on the same work, the geometric mean of the benchmark's jobs. Written by
 * `npm run bench -- targets --write`; see docs/benchmarks.md.
 */
export const TARGET_TIMES: Readonly<Record<TargetUse, Readonly<Partial<Record<TargetName, number>>>>> = {
  inference: { onnx: 1, tensorflow: 1.01, 'tensorflow-eager': 1.31 },
  training: { onnx: 1, tensorflow: 0.7, 'tensorflow-eager': 1.75 },
};
