import type { DType, GraphNode, TypedArray, Value } from '../trace/graph.ts';

/** An attribute of a TensorFlow op, by the field of AttrValue that holds it. */
export type TfAttr =
  | { readonly type: DType }
  | { readonly int: number }
  | { readonly float: number }
  | { readonly bool: boolean }
  | { readonly text: string }
  | { readonly ints: readonly number[] }
  | { readonly types: readonly DType[] }
  | { readonly function: string };

export type TfAttrs = Readonly<Record<string, TfAttr>>;

export interface TfResult {
  /** Element type of the results: by default the first input's. */
  readonly dtype?: DType;
  /** The op has no attribute T for the first input's type. */
  readonly untyped?: boolean;
}

/** Writes TensorFlow nodes. Names are strings of the graph. */
export interface TfBuilder {
  /** The name of a traced value. */
  name(value: Value): string;
  op(op: string, inputs: readonly string[], attrs?: TfAttrs, result?: TfResult): string;
  /** An op whose results are these output arguments: `values`, `indices`. */
  ops(node: TfMany): string[];
  /** A vector of int32; where two traces differ it becomes a slot that each call fills. */
  ints(values: readonly number[]): string;
  scalar(value: number, dtype: DType): string;
  constant(data: TypedArray, dtype: DType, dims: readonly number[]): string;
}

export interface TfMany {
  readonly op: string;
  readonly inputs: readonly string[];
  readonly attrs: TfAttrs;
  readonly dtypes: readonly DType[];
}

/** Lowers one node; returns the names of its outputs in order. */
export type TfLowering = (node: GraphNode, tf: TfBuilder) => string | readonly string[];
