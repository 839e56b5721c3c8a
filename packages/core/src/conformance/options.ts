import type { TargetName } from '@tessera/engine';
import type { Layout, SpaceShape } from '../tokens.ts';

/** What a plug-in is tried with. */
export interface CasesOptions {
  /** As a model folder writes it; an empty object by default. Small sizes make quick checks. */
  readonly config?: unknown;
  /** Request-time options, an empty object by default. */
  readonly options?: Readonly<Record<string, unknown>>;
  /** Every engine target by default. */
  readonly targets?: readonly TargetName[];
  /** The tokens of heads and backbones; small ones of the kind that the part wants by default. */
  readonly space?: SpaceShape;
  /** Where the tokens of orders and backbones lie; 3 x 3, or 1 x 1 and 2 x 2 for parts that go by scales. */
  readonly layout?: Layout;
  /** Training steps of the toy set, and their learning rate. */
  readonly learning?: { readonly steps: number; readonly rate: number };
  /** How long an aborted call may take to end, in milliseconds. */
  readonly patience?: number;
}

/** The options with everything filled in. */
export interface Trial extends Required<Omit<CasesOptions, 'space' | 'layout'>> {
  readonly space: SpaceShape | null;
  readonly layout: Layout | null;
}

export function trialOf(given: CasesOptions): Trial {
  return {
    config: {},
    options: {},
    targets: ['eager', 'onnx'],
    space: null,
    layout: null,
    learning: { steps: 40, rate: 0.01 },
    patience: 10_000,
    ...given,
  };
}

export const oneMap: Layout = { length: 9, scales: [{ start: 0, height: 3, width: 3 }] };
export const twoMaps: Layout = {
  length: 5,
  scales: [
    { start: 0, height: 1, width: 1 },
    { start: 1, height: 2, width: 2 },
  ],
};
export const someNumbers: SpaceShape = { kind: 'continuous', channels: 3 };
export const someCodes: SpaceShape = { kind: 'discrete', channels: 3, vocabulary: 7 };
