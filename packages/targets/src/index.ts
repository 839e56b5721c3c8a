export {
  createEngine,
  fileTensor,
  selectTarget,
  TARGETS,
  type EngineOptions,
  type FileTensorSpec,
  type TargetChoice,
  type TargetName,
  type TargetQuestion,
  type TargetTimes,
  type TargetUse,
} from '@tessera/engine/interim';
