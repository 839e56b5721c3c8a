import type { Batch } from './gradients.ts';
import type { Slots } from './adamw.ts';

/** The numbers of one loss. */
export interface Measured {
  readonly loss: number;
  readonly aux: Readonly<Record<string, Float32Array | Int32Array>>;
}

/** A step that has been computed but not taken. */
export interface Proposal {
  /** One per batch. */
  readonly measured: readonly Measured[];
  readonly gradNorm: number;
  /** Makes the new state the current one. */
  accept(): void;
  /** Leaves the state as it was. */
  reject(): void;
}

export interface ProposalRequest {
  readonly batches: readonly Batch[];
  /** Two words of randomness per batch. */
  readonly keys: readonly Int32Array[];
  /** See `adamwScalars`. */
  readonly scalars: Float32Array;
}

/** What a target does for a training step; `createTrainStep` does the rest. Calls never overlap. */
export interface StepBackend {
  /** Milliseconds spent on tracing and compiling so far. */
  readonly compiling: number;
  propose(request: ProposalRequest): Promise<Proposal>;
  evaluate(batch: Batch, key: Int32Array): Promise<Measured>;
  /** Copies of the current state, in the order of the parameters. */
  read(): Promise<readonly Slots<Float32Array>[]>;
  /** Replaces the state; sizes have been checked. */
  write(slots: readonly Slots<Float32Array>[]): Promise<void>;
  sync(which: 'params' | 'ema'): Promise<void>;
  dispose(): Promise<void>;
}
