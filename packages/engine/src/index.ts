export { createEngine, type EngineOptions } from './create-engine.ts';
export { defineFused, type FusedGradientContext, type FusedInputs, type FusedOp, type FusedSpec } from './fused.ts';
export type { CompileOptions, Engine, Program, ProgramProfile, TargetName, Tree } from './engine.ts';
export type { DrawKey, SampleRng, TraceRng } from './rng/rng.ts';
export type { Param, TrainHyper, TrainResult, TrainStep, TrainStepSpec } from './train/train-step.ts';
export { nn } from './nn/nn.ts';
export { fileTensor, tensorFrom, type FileTensorSpec } from './passive/tensors.ts';
export { keyedRng } from './rng/keyed-rng.ts';
export { selectTarget, type TargetChoice } from './target.ts';
