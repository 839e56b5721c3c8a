import type { DType, TypedArray } from '../trace/graph.ts';
import type { OnnxAttr } from './lowering.ts';

export type OnnxType = DType | 'int64';

export interface OnnxNode {
  readonly op: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attrs: Readonly<Record<string, OnnxAttr>>;
  /** Absent for ONNX' own operators. */
  readonly domain?: string;
}

/** A constant of the program. `shape` marks vectors of sizes and positions, which may become slots. */
export interface OnnxConstant {
  readonly name: string;
  readonly kind: 'shape' | 'data';
  readonly dtype: OnnxType;
  readonly dims: readonly number[];
  readonly data: TypedArray | BigInt64Array;
}

/** A graph input or output. Strings are dims that vary; without `dims` nothing is promised. */
export interface OnnxPort {
  readonly name: string;
  readonly dtype: OnnxType;
  readonly dims?: readonly (number | string)[];
}

/** A weight: numbers that stay in their file, at a byte offset, or lie in memory. */
export interface OnnxWeight {
  readonly name: string;
  readonly dtype: DType;
  readonly dims: readonly number[];
  readonly dataId: object;
}

/** One lowered graph. Names follow the program's order, so that two traces of one function can be compared. */
export interface OnnxModel {
  readonly nodes: readonly OnnxNode[];
  readonly constants: ReadonlyMap<string, OnnxConstant>;
  readonly weights: readonly OnnxWeight[];
  readonly inputs: readonly OnnxPort[];
  /** One per result of the graph, in order; equal values appear twice. */
  readonly outputs: readonly OnnxPort[];
}
