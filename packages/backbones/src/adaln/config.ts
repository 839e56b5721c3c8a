import { schema } from '@tessera/schema';

/** Configuration of a transformer that the class modulates (VAR, arXiv 2404.02905, section 3.2 and appendix A). */
export interface AdaLNConfig {
  readonly classes: number;
  readonly depth: number;
  readonly width: number;
  readonly heads: number;
  /** Hidden width of the feed-forward layers as a multiple of `width`. */
  readonly mlpRatio: number;
  /** Queries and keys of unit length with a learned scale per head. Off: scores are scaled by 0.25 / sqrt(head size). */
  readonly qkNorm: boolean;
  /** One modulation layer for all blocks, with an offset per block. */
  readonly sharedAdaLN: boolean;
  /** Stochastic depth of the last block; it grows linearly from 0 at the first. */
  readonly dropPath: number;
  /** Initial size of the modulation: of scales and shifts, and of the gates. */
  readonly initModulation: number;
  readonly initGate: number;
  /** kv: keys and values of earlier tokens are kept; none: every step computes all tokens again. */
  readonly cache: 'kv' | 'none';
}

const { object, integer, number, boolean, choice, optional, refine } = schema;
/** Far above anything that was ever trained, and small enough that a broken file cannot ask for the whole machine. */
const upTo = (max: number) => integer({ min: 1, max });

export const adaLNConfig = refine(
  object({
    classes: upTo(2 ** 20),
    depth: upTo(512),
    width: upTo(65536),
    heads: upTo(1024),
    mlpRatio: optional(number({ min: 0.25, max: 64 }), 4),
    qkNorm: optional(boolean(), true),
    sharedAdaLN: optional(boolean(), false),
    dropPath: optional(number({ min: 0, max: 0.99 }), 0),
    initModulation: optional(number({ min: 0 }), 0.5),
    initGate: optional(number({ min: 0 }), 1e-5),
    cache: optional(choice('kv', 'none'), 'kv'),
  }),
  ({ width, heads }) => (width % heads === 0 ? null : 'a width that its heads divide'),
);

/** Stochastic depth of every block: linear from 0 to `dropPath`. */
export function dropPathRates({ depth, dropPath }: Pick<AdaLNConfig, 'depth' | 'dropPath'>): number[] {
  return Array.from({ length: depth }, (_, block) => (depth === 1 ? 0 : (dropPath * block) / (depth - 1)));
}
