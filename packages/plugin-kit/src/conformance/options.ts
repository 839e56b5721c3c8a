import type { TargetName } from '@tessera/targets';
import type { Layout, SpaceShape } from '@tessera/core';

/** The inputs of the checks. */
export interface CasesOptions {
  /** As a model folder writes it; an empty object by default. Small sizes make quick checks. */
  readonly config?: unknown;
  /** Request-time options, an empty object by default. */
  readonly options?: Readonly<Record<string, unknown>>;
  /**
   * Values of request-time options to try instead of the bounds that their schema says: for texts, which have none, and
   * where a bound would take too long. One that depends on others must fit `options`.
   */
  readonly values?: Readonly<Record<string, readonly unknown[]>>;
  /** Request-time options that change no result, and weights that have no use under this configuration, each with the reason why. */
  readonly neutral?: Readonly<Record<string, string>>;
  /** Request-time options of orders by which sampling goes another way than training, on purpose, each with the reason why. */
  readonly departs?: Readonly<Record<string, string>>;
  /** Of conditions that are no classes: some that differ, as requests say them. */
  readonly inputs?: readonly unknown[];
  /** `eager` and `onnx` by default, which need no setup. */
  readonly targets?: readonly TargetName[];
  /** The tokens of heads and backbones; small ones of the kind that the part wants by default. */
  readonly space?: SpaceShape;
  /** Where the tokens of orders and backbones lie; small maps by default, by scales for parts that go by scales. */
  readonly layout?: Layout;
  /** Training steps by which a head learns its toy set, and their learning rate, which falls to 0. */
  readonly learning?: { readonly steps: number; readonly rate: number };
  /** How long an aborted call may take to end, in milliseconds. */
  readonly patience?: number;
  /** How long a case may take, in milliseconds. A part that blocks the thread for ever cannot be stopped. */
  readonly limit?: number;
  /** The author's own cases, "these tokens in, these out", as JSON: each kind of part has its own form (`own`). */
  readonly own?: readonly unknown[];
  /** Seed of all synthetic data: fresh weights, hidden states, tokens, pictures, rows. */
  readonly seed?: number;
}

/** The options with everything filled in. */
export interface Trial extends Required<Omit<CasesOptions, 'space' | 'layout'>> {
  readonly space: SpaceShape | null;
  readonly layout: Layout | null;
}

/** A part that is tested on one target. */
export interface PartTrial<P> {
  readonly plugin: P;
  readonly trial: Trial;
  readonly target: TargetName;
}

export function trialOf(given: CasesOptions): Trial {
  return {
    config: {},
    options: {},
    values: {},
    neutral: {},
    departs: {},
    inputs: [],
    targets: ['eager', 'onnx'],
    space: null,
    layout: null,
    learning: { steps: 240, rate: 0.01 },
    patience: 10_000,
    limit: 30_000,
    own: [],
    seed: 1,
    ...given,
  };
}

export const oneMap: Layout = { length: 9, scales: [{ start: 0, height: 3, width: 3 }] };
export const wideMap: Layout = { length: 8, scales: [{ start: 0, height: 2, width: 4 }] };
export const twoMaps: Layout = {
  length: 5,
  scales: [
    { start: 0, height: 1, width: 1 },
    { start: 1, height: 2, width: 2 },
  ],
};
export const threeMaps: Layout = {
  length: 11,
  scales: [
    { start: 0, height: 1, width: 1 },
    { start: 1, height: 2, width: 2 },
    { start: 5, height: 2, width: 3 },
  ],
};
export const someNumbers: SpaceShape = { kind: 'continuous', channels: 3 };
export const someCodes: SpaceShape = { kind: 'discrete', channels: 3, vocabulary: 7 };
export const someFactors: SpaceShape = {
  kind: 'factors',
  channels: 4,
  factors: [
    { levels: 2, channels: 1 },
    { levels: 2, channels: 1 },
    { levels: 4, channels: 2 },
  ],
};
