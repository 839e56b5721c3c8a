import { TesseraError } from '@tessera/errors';
import type { Schema } from '@tessera/schema';
import type { ConditionedBackbone, ConditionForm, ConditionPart } from './condition.ts';
import type { Backbone, Head, Order, Reads, Tokenizer } from './contracts.ts';
import type { GuidanceRequest, OpenGuidance, PredictionKind } from './guidance-part.ts';
import type { Layout, PictureSize, SizeBounds, Space, SpaceShape } from './tokens.ts';
import type { BuildContext } from './weights.ts';

/** What every plug-in says about itself. */
interface PluginBase<C> {
  /** The version of these contracts that it was written for. What 2 changes: backbones; conditions, guidance and tokens of factors are new. */
  readonly contract: 1 | 2;
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

/** How a tokenizer makes pictures of other sizes by the same weights. */
export interface OtherSizes<C = unknown> {
  bounds(config: C): SizeBounds;
  /** The configuration for pictures of a size within the bounds: with as many scales, and no other parameters. */
  config(config: C, size: PictureSize): C;
}

export interface TokenizerPlugin<C = unknown, T extends Tokenizer = Tokenizer> extends PluginBase<C> {
  readonly kind: 'tokenizer';
  /** Left out: pictures have the size of the configuration alone. */
  readonly sized?: OtherSizes<C>;
  describe(config: C): TokenizerFacts;
  build(config: C, context: BuildContext): T;
}

interface AnyBackboneFacts {
  readonly width: number;
  readonly reads: Reads;
  /** As `Rollout.remembers` of all its rollouts. */
  readonly remembers: boolean;
  /** Of one that remembers: true where its rollouts can leave the null class out from a step on. See `Rollout.forward`. */
  readonly endsGuidance?: boolean;
  /** True where it can be built for another layout than its weights are of: see `BackboneDims.trained`. */
  readonly anySize?: boolean;
}

/** What a backbone of contract 1 says about itself without its weights: it embeds classes by itself. */
export interface BackboneFacts extends AnyBackboneFacts {
  readonly condition: { readonly kind: 'class'; readonly classes: number };
}

/** What a backbone of contract 2 says about itself without its weights. */
export interface ConditionedFacts extends AnyBackboneFacts {
  readonly condition: {
    /** The forms that it takes: all of them, and no others. */
    readonly forms: readonly ConditionForm[];
    /** Of the embedded vectors. */
    readonly width: number;
    /** The condition part of a model that names none, whose parameters lie among the backbone's; null: one must be named. */
    readonly own: { readonly plugin: ConditionPlugin; readonly config: unknown } | null;
  };
}

/** The tokens that a backbone is built for. One of contract 1 meets those of factors as continuous ones. */
export interface BackboneDims {
  readonly layout: Layout;
  /** The layout that the weights are of, where `layout` is that of another picture size: for backbones that say `anySize`. */
  readonly trained?: Layout;
  readonly space: SpaceShape;
}

/** A backbone of contract 1, whose conditions are classes. */
export interface LabelBackbonePlugin<C = unknown> extends PluginBase<C> {
  readonly kind: 'backbone';
  readonly contract: 1;
  describe(config: C): BackboneFacts;
  build(config: C, dims: BackboneDims, context: BuildContext): Backbone;
}

/** A backbone of contract 2, which takes embedded conditions. */
export interface ConditionedBackbonePlugin<C = unknown> extends PluginBase<C> {
  readonly kind: 'backbone';
  readonly contract: 2;
  describe(config: C): ConditionedFacts;
  build(config: C, dims: BackboneDims, context: BuildContext): ConditionedBackbone;
}

export type BackbonePlugin<C = unknown> = LabelBackbonePlugin<C> | ConditionedBackbonePlugin<C>;

/** What a condition part says about itself without its weights. */
export interface ConditionFacts {
  readonly forms: readonly ConditionForm[];
  /** Where conditions are classes: how many, and `input` reads a label; else null. */
  readonly classes: number | null;
  /** Of those that give maps: true where no parameter has the layout in its shape. */
  readonly anySize?: boolean;
}

/** What a condition part is built for: the vectors that the backbone takes, and the tokens of an image. */
export interface ConditionDims {
  readonly width: number;
  readonly layout: Layout;
}

/** A condition part (contract 2): what requests may say of an image, and how it is embedded. */
export interface ConditionPlugin<C = unknown, V = unknown> extends PluginBase<C> {
  readonly kind: 'condition';
  readonly contract: 2;
  describe(config: C): ConditionFacts;
  /** Reads what a request says of an image: plain JSON. */
  input(config: C): Schema<V>;
  /**
   * The configuration of a recipe, completed by what the images to train on are to show: the words of all texts. It is not yet
   * read by `config`, and goes into `model.json`. Left out: a recipe says all of it.
   */
  fit?(config: unknown, inputs: readonly unknown[]): unknown;
  build(config: C, dims: ConditionDims, context: BuildContext): ConditionPart<V>;
}

/** The hidden states and tokens that a head is built for. One that predicts values meets tokens of factors as continuous ones. */
export interface HeadDims<S extends Space = Space> {
  readonly width: number;
  readonly space: S;
}

export interface HeadPlugin<C = unknown, O = unknown> extends PluginBase<C> {
  readonly kind: 'head';
  /** What it predicts: indices into a codebook, values, which all tokens have, or (contract 2) the levels of factors. */
  readonly space: SpaceShape['kind'];
  /** True where `sample` says how sure it is of each token: orders by confidence need that. */
  readonly confident?: boolean;
  /** What it predicts, where it mixes predictions as guidances say (`SampleContext.mix`); left out: by their weight alone. */
  readonly mixes?: PredictionKind;
  /** Request time: top-k, which the vocabulary bounds, or temperature. Names must differ from the order's. */
  options(space: SpaceShape): Schema<O>;
  build(config: C, dims: HeadDims, context: BuildContext): Head<O>;
}

/**
 * What one step of an order is: a whole scale, one token a row, any set of tokens, or (contract 2) a part of a scale, whose
 * coarser scales are whole. Like sets, parts leave kept tokens out.
 */
export type Stride = 'scale' | 'token' | 'set' | 'part';

export interface OrderPlugin<C = unknown, O = unknown> extends PluginBase<C> {
  readonly kind: 'order';
  readonly stride: Stride;
  /** True where it chooses by `Sampled.confidence_Bl`. */
  readonly needsConfidence?: boolean;
  /** True where its steps may draw tokens again (contract 2): see `Step.again_Ba`. */
  readonly revisits?: boolean;
  /** Request time: the number of steps. The layout bounds it. */
  options(layout: Layout): Schema<O>;
  build(config: C): Order<O>;
}

/** A guidance (contract 2): how strongly conditions pull at each step, and how predictions are mixed. Requests name it. */
export interface GuidancePlugin<O = unknown> extends PluginBase<unknown> {
  readonly kind: 'guidance';
  readonly contract: 2;
  /** The predictions that it mixes in its own way, of heads that let it; left out: u + w (c - u), by every head. */
  readonly mixes?: readonly PredictionKind[];
  /** Request time, besides the scale. Names must differ from those of orders and heads. */
  options(): Schema<O>;
  open(request: GuidanceRequest<O>): OpenGuidance;
}

export type AnyPlugin = TokenizerPlugin | OrderPlugin | BackbonePlugin | HeadPlugin | ConditionPlugin | GuidancePlugin;
export type PluginKind = AnyPlugin['kind'];

/** Versions of the contracts that this release of Tessera speaks, oldest first. */
export const contracts: readonly number[] = [1, 2];

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
