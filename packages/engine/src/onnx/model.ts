import type { ElementType, LoweredConstant, LoweredModel, LoweredNode, LoweredWeight, Port } from '../lowered-model.ts';
import type { OnnxAttr } from './lowering.ts';

/* A lowered model in ONNX' words. */

export type OnnxType = ElementType;
export type OnnxNode = LoweredNode<OnnxAttr>;
export type OnnxConstant = LoweredConstant;
export type OnnxPort = Port;
export type OnnxWeight = LoweredWeight;
export type OnnxModel = LoweredModel<OnnxAttr>;
