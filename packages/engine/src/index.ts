export {
  makeEngine,
  PRECISION_CHOICES,
  PRECISIONS,
  type CompileOptions,
  type Engine,
  type EngineParts,
  type Precision,
  type PrecisionChoice,
  type Program,
  type TargetChoice,
  type TargetSource,
} from './engine.ts';
export { defineFused, type FusedGradientContext, type FusedInputs, type FusedOp, type FusedSpec } from './fused.ts';
export { nn } from './nn/nn.ts';
export { int8Weight, isInInt8, releaseInt8, usedInt8Form, useInt8, type Int8Form } from './nn/int8.ts';
export { isFilterInInt8, releaseInt8Filter, useInt8Filter } from './nn/int8-conv.ts';
export type { Tree } from './program/tree.ts';
export { keyedRng, type DrawKey, type SampleRng } from './rng/keyed-rng.ts';
export type { TraceRng } from './rng/trace-rng.ts';
export type { ProgramProfile } from './target.ts';
export type { GrowingSpec, GrowingTensors } from './tensors/growing.ts';
export { storedBytes, tensorFrom, tensorOver } from './tensors/tensors.ts';
export type { Graph, GraphNode, Value } from './trace/graph.ts';
export { trace, type TraceRequest } from './trace/trace.ts';
export type { Param, TrainHyper, TrainResult, TrainStep, TrainStepSpec } from './train/spec.ts';
