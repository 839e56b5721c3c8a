import type { Tokens } from './tokens.ts';

/** One step of an order: which tokens come now. Counts are equal across the batch. */
export interface Step {
  readonly index: number;
  readonly of: number;
  /** Tokens of each row still missing before and after this step. */
  readonly before: number;
  readonly after: number;
  /** Batch-major, ascending within a row: B times l positions. */
  readonly positions_Bl: Int32Array;
}

/** The order of one request: made by `Order.open`, never shared between requests. */
export interface Plan {
  steps(): Iterable<Step>;
  /** Orders by confidence keep some of what was sampled; the others leave this out. */
  choose?(step: Step, sampled: { readonly tokens: Tokens; readonly confidence_Bl?: Float32Array }): Promise<Step>;
  dispose(): void;
}
