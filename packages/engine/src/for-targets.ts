/*
 * @tessera/engine/target: for packages that implement a target. Parts and programs need @tessera/engine alone.
 */
export type { FusedOp } from './fused.ts';
export { graphTarget } from './graph-target.ts';
export { fusedOps } from './nn/nn.ts';
export type { ConvAttrs } from './nn/int8-conv.ts';
export { BORDER, shapesOf, squaresOf } from './nn/convolutions.ts';
export { bindEdges, fusedLowering, GraphWriter, lowerNode, type Lowerings } from './program/graph-writer.ts';
export { flatten, unflatten, type Skeleton, type Tree } from './program/tree.ts';
export { ProtoWriter } from './program/proto-writer.ts';
export { MULTIPLIER_0, MULTIPLIER_1 } from './rng/trace-rng.ts';
export type {
  BuildOptions,
  BuiltProgram,
  Device,
  DeviceNumbers,
  ElementType,
  GraphTarget,
  GraphTraining,
  LoweredConstant,
  LoweredModel,
  LoweredNode,
  LoweredWeight,
  Measured,
  Numbers,
  Port,
  Proposal,
  ProposalRequest,
  StepBackend,
  Target,
  TargetFunction,
  TargetProgram,
} from './target.ts';
export {
  isStoredAsBytes,
  storedEntry,
  storedNumbers,
  storedTensor,
  type FileEntry,
  type StoredArray,
  type StoredEntry,
} from './tensors/tensors.ts';
export {
  ARRAYS,
  exactKey,
  shareNodes,
  type DType,
  type Fused,
  type Graph,
  type GraphNode,
  type TypedArray,
  type Value,
} from './trace/graph.ts';
export type { Window } from './trace/infer-linear.ts';
export { readNumbers, withBackend } from './trace/tfjs-internals.ts';
export { adamw } from './train/optimise.ts';
export { differentiate, evaluateLoss } from './train/optimise.ts';
export { keyWords, traceRng } from './rng/trace-rng.ts';
export { ParameterStore } from './train/spec.ts';
export type { Batch, Slots, TrainStepSpec } from './train/spec.ts';
