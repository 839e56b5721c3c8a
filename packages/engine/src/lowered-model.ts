import type { DType, TypedArray } from './trace/graph.ts';

/*
 * A traced graph in the words of a target. Names follow the program's order, so that two traces of one function can be
 * compared.
 */

export type ElementType = DType | 'int64';

/** `A` is what a target's attributes look like. */
export interface LoweredNode<A = unknown> {
  readonly op: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attrs: Readonly<Record<string, A>>;
  /** Absent for the target's own operators. */
  readonly domain?: string;
}

/** A constant of the program. `shape` marks vectors of sizes and positions, which may become slots. */
export interface LoweredConstant {
  readonly name: string;
  readonly kind: 'shape' | 'data';
  readonly dtype: ElementType;
  readonly dims: readonly number[];
  readonly data: TypedArray | BigInt64Array;
}

/** A graph input or output. Strings are dims that vary; without `dims` nothing is promised. */
export interface Port {
  readonly name: string;
  readonly dtype: ElementType;
  readonly dims?: readonly (number | string)[];
}

/** A weight: numbers that stay in their file, at a byte offset, or lie in memory. */
export interface LoweredWeight {
  readonly name: string;
  readonly dtype: DType;
  readonly dims: readonly number[];
  readonly dataId: object;
}

export interface LoweredModel<A = unknown> {
  readonly nodes: readonly LoweredNode<A>[];
  readonly constants: ReadonlyMap<string, LoweredConstant>;
  readonly weights: readonly LoweredWeight[];
  readonly inputs: readonly Port[];
  /** One per result of the graph, in order; equal values appear twice. */
  readonly outputs: readonly Port[];
}
