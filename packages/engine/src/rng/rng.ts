import type { Tensor } from '@tensorflow/tfjs';

/** Names one stretch of random numbers. Two different keys give independent numbers; the same key the same ones. */
export interface DrawKey {
  /** Row of the batch; the generator knows the row's seed. */
  readonly row: number;
  /** What the numbers are for: `token`, `gumbel`, `order`. */
  readonly stream: string;
  readonly step: number;
  /** Token position within the layout, or 0. */
  readonly position: number;
}

/** Random numbers of sampling: counter-based, so that a row does not depend on its batch-mates. */
export interface SampleRng {
  /** In (0, 1). */
  uniform(key: DrawKey, count: number): Float32Array;
  normal(key: DrawKey, count: number): Float32Array;
  /**
   * Rate 1, strictly positive. With `index`, only the numbers at these places are made, in ascending order; the others
   * are undefined. A number does not depend on which others are made.
   */
  exponential(key: DrawKey, count: number, index?: Int32Array): Float32Array;
}

/** Random numbers inside a traced training step, made in the graph from the step's key. */
export interface TraceRng {
  /** In [0, 1). `stream` must differ between calls of one step. */
  uniform(stream: string, shape: readonly number[]): Tensor;
  normal(stream: string, shape: readonly number[]): Tensor;
}
