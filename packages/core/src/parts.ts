import type { Reads } from './contracts.ts';
import type { ConditionSpace, Layout, SpaceShape } from './tokens.ts';
import type { BackbonePlugin, HeadPlugin, OrderPlugin, TokenizerPlugin } from './plugin.ts';

/** A plug-in and its configuration as `model.json` writes it: untrusted until its schema has read it. */
export interface Part<P> {
  readonly plugin: P;
  readonly config: unknown;
}

/** The parts of a generator, before any of them is built. */
export interface Parts {
  readonly tokenizer: Part<TokenizerPlugin>;
  readonly order: Part<OrderPlugin>;
  readonly backbone: Part<BackbonePlugin>;
  readonly head: Part<HeadPlugin>;
}

/** What agreeing parts say about themselves without their weights. */
export interface PartFacts {
  readonly configs: Readonly<Record<keyof Parts, unknown>>;
  readonly space: SpaceShape;
  readonly layout: Layout;
  readonly width: number;
  readonly reads: Reads;
  readonly condition: ConditionSpace;
  /** Whether its backbone keeps caches from step to step. */
  readonly remembers: boolean;
}
