export type { OnnxAttr, OnnxBuilder, OnnxLowering, OnnxModel } from './builder.ts';
export { isLoweredWhole, lowerGraph, type LoweringOptions } from './lower-graph.ts';
export { modelProto, type ModelParts, type TensorData } from './model-proto.ts';
export { bytesOf, ortNumbers, OrtNumbers, sessionProgram, weightType, type SessionOf } from './session.ts';
