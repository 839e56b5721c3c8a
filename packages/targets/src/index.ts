export { fileTensor, type FileTensorSpec } from './file-tensor.ts';
export {
  selectTarget,
  TARGETS,
  type TargetName,
  type TargetQuestion,
  type TargetTimes,
  type TargetUse,
} from './select-target.ts';
export { createEngine, type EngineOptions } from './targets.ts';
