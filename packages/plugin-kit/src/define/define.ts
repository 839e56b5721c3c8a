import {
  type AnyPlugin,
  type FeatureNetworkPlugin,
  type GuidancePlugin,
  type GuidanceRequest,
  type OpenGuidance,
  checkOptionNames,
  type Backbone,
  type BackboneDims,
  type BackboneFacts,
  type BackbonePlugin,
  type ConditionDims,
  type ConditionedBackbone,
  type ConditionedBackbonePlugin,
  type ConditionedFacts,
  type ConditionFacts,
  type ConditionPart,
  type ConditionPlugin,
  type LabelBackbonePlugin,
  type BuildContext,
  type Head,
  type HeadDims,
  type HeadPlugin,
  type Layout,
  type Order,
  type OrderPlugin,
  type OtherSizes,
  type Space,
  type SpaceShape,
  type Tokenizer,
  type TokenizerFacts,
  type TokenizerPlugin,
} from '@tessera/core';
import { TesseraError } from '@tessera/errors';
import { schema, schemaFrom, type OutputOf, type Schema, type StandardSchema } from '@tessera/schema';
import { checkDefinition } from './check-plugin.ts';

/** A tokenizer as its author writes it: a schema of any library of Standard JSON Schema. */
export interface TokenizerDefinition<C extends StandardSchema, T extends Tokenizer> extends Pick<
  TokenizerPlugin,
  'contract' | 'name' | 'package'
> {
  readonly config: C;
  /** As `TokenizerPlugin.sized`. */
  readonly sized?: OtherSizes<OutputOf<C>>;
  describe(config: OutputOf<C>): TokenizerFacts;
  build(config: OutputOf<C>, context: BuildContext): T;
}

/** A plug-in that encodes images to tokens and decodes tokens to images. @throws TesseraError `part-malformed`, `part-name`, `schema-foreign` */
export function defineTokenizer<C extends StandardSchema, T extends Tokenizer>(
  definition: TokenizerDefinition<C, T>,
): TokenizerPlugin<OutputOf<C>, T> {
  checkDefinition('tokenizer', definition);
  const { name } = definition;
  return {
    ...definition,
    kind: 'tokenizer',
    config: schemaFrom(definition.config, `${name} config`),
    describe: (config) => definition.describe(config),
    build: (config, context) => definition.build(config, context),
  };
}

/** An order as its author writes it: schemas of any library of Standard JSON Schema. */
export interface OrderDefinition<C extends StandardSchema, O extends StandardSchema> extends Pick<
  OrderPlugin,
  'contract' | 'name' | 'package' | 'stride' | 'needsConfidence' | 'revisits'
> {
  readonly config: C;
  options(layout: Layout): O;
  build(config: OutputOf<C>): Order<OutputOf<O>>;
}

/** A plug-in that says which tokens come next. @throws TesseraError `part-malformed`, `part-name`, `schema-foreign` */
export function defineOrder<C extends StandardSchema, O extends StandardSchema>(
  definition: OrderDefinition<C, O>,
): OrderPlugin<OutputOf<C>, OutputOf<O>> {
  checkDefinition('order', definition);
  const { name } = definition;
  return {
    ...definition,
    kind: 'order',
    config: schemaFrom(definition.config, `${name} config`),
    options: (layout) => optionsFrom(definition.options(layout), name),
    build: (config) => definition.build(config),
  };
}

/** What the two contracts of backbones ask for. By contract 1 it embeds classes by itself, by 2 it takes embedded conditions. */
interface BackboneContracts {
  1: { readonly facts: BackboneFacts; readonly part: Backbone };
  2: { readonly facts: ConditionedFacts; readonly part: ConditionedBackbone };
}

/** A backbone as its author writes it: a schema of any library of Standard JSON Schema. */
export interface BackboneDefinition<C extends StandardSchema, N extends 1 | 2 = 1> extends Pick<
  BackbonePlugin,
  'name' | 'package'
> {
  readonly contract: N;
  readonly config: C;
  describe(config: OutputOf<C>): BackboneContracts[N]['facts'];
  build(config: OutputOf<C>, dims: BackboneDims, context: BuildContext): BackboneContracts[N]['part'];
}

/** The plug-ins of the two contracts. */
interface BackbonePlugins<C> {
  1: LabelBackbonePlugin<C>;
  2: ConditionedBackbonePlugin<C>;
}

/** A plug-in that makes hidden states of what has been written. @throws TesseraError `part-malformed`, `part-name`, `schema-foreign` */
export function defineBackbone<C extends StandardSchema, const N extends 1 | 2>(
  definition: BackboneDefinition<C, N>,
): BackbonePlugins<OutputOf<C>>[N] {
  checkDefinition('backbone', definition);
  const { name } = definition;
  const plugin = {
    ...definition,
    kind: 'backbone',
    config: schemaFrom(definition.config, `${name} config`),
    describe: (config: OutputOf<C>) => definition.describe(config),
    build: (config: OutputOf<C>, dims: BackboneDims, context: BuildContext) => definition.build(config, dims, context),
  };
  return plugin as unknown as BackbonePlugins<OutputOf<C>>[N];
}

/** A condition part as its author writes it: schemas of any library of Standard JSON Schema. */
export interface ConditionDefinition<C extends StandardSchema, V extends StandardSchema> extends Pick<
  ConditionPlugin,
  'contract' | 'name' | 'package' | 'fit'
> {
  readonly config: C;
  describe(config: OutputOf<C>): ConditionFacts;
  input(config: OutputOf<C>): V;
  build(config: OutputOf<C>, dims: ConditionDims, context: BuildContext): ConditionPart<OutputOf<V>>;
}

/** A plug-in that embeds what a request says of an image. @throws TesseraError `part-malformed`, `part-name`, `schema-foreign` */
export function defineCondition<C extends StandardSchema, V extends StandardSchema>(
  definition: ConditionDefinition<C, V>,
): ConditionPlugin<OutputOf<C>, OutputOf<V>> {
  checkDefinition('condition', definition);
  const { name } = definition;
  return {
    ...definition,
    kind: 'condition',
    config: schemaFrom(definition.config, `${name} config`),
    describe: (config) => definition.describe(config),
    input: (config) => schemaFrom(definition.input(config), `${name} input`),
    build: (config, dims, context) => definition.build(config, dims, context),
  };
}

/** A guidance as its author writes it: a schema of any library of Standard JSON Schema. */
export interface GuidanceDefinition<O extends StandardSchema> extends Pick<
  GuidancePlugin,
  'contract' | 'name' | 'package' | 'mixes'
> {
  options(): O;
  open(request: GuidanceRequest<OutputOf<O>>): OpenGuidance;
}

/** A plug-in that says how strongly conditions pull, and how predictions are mixed. @throws TesseraError `part-malformed`, `part-name` */
export function defineGuidance<O extends StandardSchema>(
  definition: GuidanceDefinition<O>,
): GuidancePlugin<OutputOf<O>> {
  checkDefinition('guidance', definition);
  const { name } = definition;
  return {
    ...definition,
    kind: 'guidance',
    config: schema.object({}),
    options: () => optionsFrom(definition.options(), name),
    open: (request) => definition.open(request),
  };
}

/** A head as its author writes it: schemas of any library of Standard JSON Schema. */
export interface HeadDefinition<
  C extends StandardSchema,
  O extends StandardSchema,
  S extends SpaceShape['kind'] = SpaceShape['kind'],
> extends Pick<HeadPlugin, 'contract' | 'name' | 'package' | 'confident' | 'mixes'> {
  /**
   * As `HeadPlugin.space`. A head of codes is given discrete tokens alone, one of factors tokens of factors alone; one of
   * values is given all, those of factors as continuous ones.
   */
  readonly space: S;
  readonly config: C;
  options(space: TokensFor<S, SpaceShape>): O;
  build(config: OutputOf<C>, dims: HeadDims<TokensFor<S, Space>>, context: BuildContext): Head<OutputOf<O>>;
}

/** Tokens that a head of a kind may meet: values can be predicted of all tokens (see `spaceFor`). */
type TokensFor<S extends SpaceShape['kind'], T extends SpaceShape> = S extends 'continuous'
  ? Exclude<T, { kind: 'factors' }>
  : Extract<T, { kind: S }>;

/** What heads of a kind need, and what else they may find. */
const needs = {
  discrete: 'discrete ones: it scores the entries of a codebook',
  factors: 'tokens of factors: it scores these',
  continuous: 'continuous ones, as which it would meet these',
} as const;

/** A plug-in that draws tokens from hidden states. @throws TesseraError `part-malformed`, `part-name`, `schema-foreign` */
export function defineHead<C extends StandardSchema, O extends StandardSchema, const S extends SpaceShape['kind']>(
  definition: HeadDefinition<C, O, S>,
): HeadPlugin<OutputOf<C>, OutputOf<O>> {
  checkDefinition('head', definition);
  const { name } = definition;
  return {
    ...definition,
    kind: 'head',
    config: schemaFrom(definition.config, `${name} config`),
    options: (space) => optionsFrom(definition.options(fitting(definition, space)), name),
    build: (config, { width, space }, context) =>
      definition.build(config, { width, space: fitting(definition, space) }, context),
  };
}

/** Narrows the tokens to those of the definition's space; `compose` has refused others already, naming the tokenizer. */
function fitting<S extends SpaceShape['kind'], T extends SpaceShape>(
  { name, space: predicted }: { readonly name: string; readonly space: S },
  space: T,
): TokensFor<S, T> {
  const fits = predicted === 'continuous' ? space.kind !== 'factors' : space.kind === predicted;
  if (fits) return space as TokensFor<S, T>;
  throw new TesseraError({
    code: 'space-mismatch',
    who: name,
    got: space.kind === 'factors' ? 'tokens of factors' : `${space.kind} tokens`,
    expected: needs[predicted],
    next: 'Exchange the head or the tokenizer.',
  });
}

/** Request-time options of a part. @throws TesseraError `schema-foreign`, `default-invalid`, `option-taken`, `option-name` */
function optionsFrom<S extends StandardSchema>(given: S, name: string): Schema<OutputOf<S>> {
  const options = schemaFrom(given, `${name} options`);
  checkOptionNames(name, options.json);
  return options;
}

/** What `tessera.config.ts` exports as `config`. */
export interface TesseraConfig {
  /**
   * Every plug-in and feature network that models and recipes of this project may name, besides Tessera's own. A string is a module that
   * exports some, a package (`@acme/head`) or a path from this file (`'./my-head.ts'`): where it cannot be imported, the
   * others still work.
   */
  readonly plugins: readonly (AnyPlugin | FeatureNetworkPlugin | string)[];
}

/** Checks the types of a configuration; nothing is registered. */
export function defineConfig(config: TesseraConfig): TesseraConfig {
  return config;
}
