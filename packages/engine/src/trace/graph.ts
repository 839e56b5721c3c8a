import type { TensorInfo } from '@tensorflow/tfjs';

/** Element types of traced tensors: those of tfjs that programs use. */
export type DType = 'float32' | 'int32' | 'bool';
export type TypedArray = Float32Array | Int32Array | Uint8Array;

/** One value of a graph: an input, a constant, a captured weight, or a node's output. */
export interface Value {
  readonly id: number;
  readonly shape: readonly number[];
  readonly dtype: DType;
}

/** An op that a target may run in one piece; two of one name are two ops. */
export interface Fused {
  readonly name: string;
  /** Nodes for it, in the words of the target that reads them. */
  readonly lower?: unknown;
}

/** One tfjs kernel call, as recorded: the graph's op set is tfjs' own, plus fused ops. */
export interface GraphNode {
  readonly kernel: string;
  /** By tfjs' own input names, in their order (`x`, `a`, `b`, `0`, `1` ...). */
  readonly inputs: Readonly<Record<string, Value>>;
  readonly attrs: Readonly<Record<string, unknown>>;
  readonly outputs: readonly Value[];
  /** Which fused op this is; absent for tfjs' own kernels. */
  readonly fused?: Fused;
}

/** A traced function, free of any device. */
export interface Graph {
  readonly inputs: readonly Value[];
  readonly constants: readonly { readonly value: Value; readonly data: TypedArray }[];
  /**
   * Tensors of the outside that the function closed over: weights. `dataId` finds their numbers in tfjs; a variable
   * whose `tensor.dataId` has moved on was assigned since.
   */
  readonly captured: readonly { readonly value: Value; readonly dataId: object; readonly tensor: TensorInfo }[];
  readonly nodes: readonly GraphNode[];
  readonly outputs: readonly Value[];
}
