import type { DType, GraphNode, TypedArray, Value } from '../trace/graph.ts';

export type OnnxAttr = number | string | readonly number[] | { readonly float: number };

/** Writes ONNX nodes. Names are strings of the ONNX graph. */
export interface OnnxBuilder {
  /**
   * Channels per block of ONNX Runtime's own layout, for convolutions whose filters change from run to run. Null: plain
   * Conv, which ONNX Runtime brings into that layout by itself where filters are constants.
   */
  readonly convBlock: number | null;
  /** The ONNX name of a traced value. */
  name(value: Value): string;
  op(op: string, inputs: readonly string[], attrs?: Readonly<Record<string, OnnxAttr>>, domain?: string): string;
  /** An op of several outputs. */
  ops(
    op: string,
    inputs: readonly string[],
    count: number,
    attrs?: Readonly<Record<string, OnnxAttr>>,
    domain?: string,
  ): string[];
  /** A vector of int64; where two traces differ it becomes a slot that each call fills. */
  ints(values: readonly number[]): string;
  scalar(value: number, dtype: DType | 'int64'): string;
  constant(data: TypedArray, dtype: DType, dims: readonly number[]): string;
}

/** Lowers one node; returns the ONNX names of its outputs in order. */
export type Lowering = (node: GraphNode, onnx: OnnxBuilder) => string | readonly string[];
