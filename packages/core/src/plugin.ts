import type { Backbone, BuildContext, Head, Order, Reads, Tokenizer } from './contracts.ts';
import type { Layout, Space, SpaceShape } from './tokens.ts';

/** A JSON Schema (draft 2020-12), as far as forms and help texts read it. */
export interface JsonSchema {
  readonly type?: 'number' | 'integer' | 'boolean' | 'string' | 'array' | 'object';
  readonly description?: string;
  readonly default?: unknown;
  readonly minimum?: number;
  readonly exclusiveMinimum?: number;
  readonly maximum?: number;
  readonly enum?: readonly string[];
  readonly items?: JsonSchema;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly additionalProperties?: boolean;
}

/** Checks untrusted JSON and returns it typed, or throws a TesseraError that names the field. */
export interface Schema<T> {
  parse(value: unknown, who: string): T;
  /** What it accepts, for forms and help texts; `parse` alone decides. */
  readonly json: JsonSchema;
}

export interface TokenizerPlugin<C = unknown> {
  readonly contract: 1;
  readonly kind: 'tokenizer';
  readonly name: string;
  readonly config: Schema<C>;
  describe(config: C): { readonly space: SpaceShape; readonly layout: Layout; readonly serves: readonly Reads[] };
  build(config: C, context: BuildContext): Tokenizer;
}

/** What a backbone says of itself without its weights. */
export interface BackboneFacts {
  readonly width: number;
  readonly reads: Reads;
  readonly classes: number;
  /** As `Rollout.remembers` of all its rollouts. */
  readonly remembers: boolean;
}

export interface BackbonePlugin<C = unknown> {
  readonly contract: 1;
  readonly kind: 'backbone';
  readonly name: string;
  readonly config: Schema<C>;
  describe(config: C): BackboneFacts;
  build(config: C, dims: { readonly layout: Layout; readonly space: SpaceShape }, context: BuildContext): Backbone;
}

export interface HeadPlugin<C = unknown, O = unknown> {
  readonly contract: 1;
  readonly kind: 'head';
  readonly name: string;
  /** What it predicts: indices into a codebook, or values, which discrete tokens have too. */
  readonly space: SpaceShape['kind'];
  /** True where `sample` says how sure it is of each token: orders by confidence need that. */
  readonly confident?: boolean;
  readonly config: Schema<C>;
  /** Request time: top-k, which the vocabulary bounds, or temperature. Names must differ from the order's. */
  options(space: SpaceShape): Schema<O>;
  build(config: C, dims: { readonly width: number; readonly space: Space }, context: BuildContext): Head<O>;
}

/** What one step of an order is: a whole scale, one token a row, or any set of tokens. */
export type Stride = 'scale' | 'token' | 'set';

export interface OrderPlugin<C = unknown, O = unknown> {
  readonly contract: 1;
  readonly kind: 'order';
  readonly name: string;
  readonly stride: Stride;
  /** True where it chooses by `Sampled.confidence_Bl`. */
  readonly needsConfidence?: boolean;
  readonly config: Schema<C>;
  /** Request time: the number of steps. The layout bounds it. */
  options(layout: Layout): Schema<O>;
  build(config: C): Order<O>;
}
