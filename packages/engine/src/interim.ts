/* What moves to @tessera/targets, which exports it already. */
export { createEngine, type EngineOptions } from './create-engine.ts';
export { fileTensor, type FileTensorSpec } from './passive/tensors.ts';
export { selectTarget, type TargetChoice, type TargetQuestion } from './target.ts';
export { TARGETS, type TargetName } from './target-name.ts';
export type { TargetTimes, TargetUse } from './target-times.ts';
