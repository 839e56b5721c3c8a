import { TesseraError } from '@tessera/errors';
import type { Schema } from '@tessera/schema';
import type { Backbone, Head, Order, Reads, Tokenizer } from './contracts.ts';
import type { ConditionSpace, Layout, Space, SpaceShape } from './tokens.ts';
import type { BuildContext } from './weights.ts';

/** What every plug-in says about itself. */
interface PluginBase<C> {
  /** The version of these contracts that it was written for. */
  readonly contract: 1;
  /** What model folders know it by; those of other packages carry their scope: `@acme/gaussian`. */
  readonly name: string;
  /** The npm package to install for it, where that is not its name. */
  readonly package?: string;
  readonly config: Schema<C>;
}

/** What a tokenizer says about itself without its weights. */
export interface TokenizerFacts {
  readonly space: SpaceShape;
  readonly layout: Layout;
  /** Which reads its canvas can serve. */
  readonly serves: readonly Reads[];
}

export interface TokenizerPlugin<C = unknown, T extends Tokenizer = Tokenizer> extends PluginBase<C> {
  readonly kind: 'tokenizer';
  describe(config: C): TokenizerFacts;
  build(config: C, context: BuildContext): T;
}

/** What a backbone says about itself without its weights. */
export interface BackboneFacts {
  readonly width: number;
  readonly reads: Reads;
  readonly condition: ConditionSpace;
  /** As `Rollout.remembers` of all its rollouts. */
  readonly remembers: boolean;
}

/** The tokens that a backbone is built for. */
export interface BackboneDims {
  readonly layout: Layout;
  readonly space: SpaceShape;
}

export interface BackbonePlugin<C = unknown> extends PluginBase<C> {
  readonly kind: 'backbone';
  describe(config: C): BackboneFacts;
  build(config: C, dims: BackboneDims, context: BuildContext): Backbone;
}

/** The hidden states and tokens that a head is built for. */
export interface HeadDims<S extends Space = Space> {
  readonly width: number;
  readonly space: S;
}

export interface HeadPlugin<C = unknown, O = unknown> extends PluginBase<C> {
  readonly kind: 'head';
  /** What it predicts: indices into a codebook, or values, which discrete tokens have too. */
  readonly space: SpaceShape['kind'];
  /** True where `sample` says how sure it is of each token: orders by confidence need that. */
  readonly confident?: boolean;
  /** Request time: top-k, which the vocabulary bounds, or temperature. Names must differ from the order's. */
  options(space: SpaceShape): Schema<O>;
  build(config: C, dims: HeadDims, context: BuildContext): Head<O>;
}

/** What one step of an order is: a whole scale, one token a row, or any set of tokens. */
export type Stride = 'scale' | 'token' | 'set';

export interface OrderPlugin<C = unknown, O = unknown> extends PluginBase<C> {
  readonly kind: 'order';
  readonly stride: Stride;
  /** True where it chooses by `Sampled.confidence_Bl`. */
  readonly needsConfidence?: boolean;
  /** Request time: the number of steps. The layout bounds it. */
  options(layout: Layout): Schema<O>;
  build(config: C): Order<O>;
}

export type AnyPlugin = TokenizerPlugin | OrderPlugin | BackbonePlugin | HeadPlugin;
export type PluginKind = AnyPlugin['kind'];

/** Versions of the contracts that this release of Tessera speaks, oldest first. */
export const contracts: readonly number[] = [1];

/** The part of a plug-in that says which contract it was written for. */
interface PluginContract {
  readonly name: string;
  readonly contract: number;
}

/**
 * Whether this release speaks the contract of a plug-in. Checked where a plug-in is used, not where it is defined: one
 * that is too old must not keep the others from loading.
 * @throws TesseraError `part-contract`, which says what to update
 */
export function checkContract({ name, contract }: PluginContract, supported = contracts): void {
  if (supported.includes(contract)) return;
  const tooNew = contract > supported.at(-1)!;
  throw new TesseraError({
    code: 'part-contract',
    who: name,
    got: `a plug-in for contract ${String(contract)}`,
    expected: `contract ${supported.join(' or ')}, which this release of Tessera speaks`,
    next: tooNew ? `Update Tessera, or install an older ${name}.` : `Install a newer release of ${name}.`,
  });
}
