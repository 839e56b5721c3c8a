import type { DType, TypedArray } from './trace/graph.ts';

/** What goes into a run of a program. */
export interface Numbers {
  readonly data: TypedArray | BigInt64Array;
  readonly dtype: DType | 'int64';
  readonly shape: readonly number[];
}
