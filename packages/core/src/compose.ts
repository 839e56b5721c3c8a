import type { Engine } from '@tessera/engine';
import { TesseraError, type ErrorParts } from '@tessera/errors';
import { buildBackbone, conditionOf } from './build-backbone.ts';
import type { ConditionSpace } from './condition.ts';
import type { Reads, Tokenizer } from './contracts.ts';
import { disposedAfter, type Held } from './dispose.ts';
import { spaceFor } from './factors.ts';
import { optionsOf } from './options.ts';
import {
  checkContract,
  type BackbonePlugin,
  type ConditionPlugin,
  type HeadPlugin,
  type OrderPlugin,
  type Stride,
  type TokenizerPlugin,
} from './plugin.ts';
import { checkSize, sizesOf, type Sizes } from './picture-size.ts';
import type { Composition } from './sample.ts';
import type { Layout, PictureSize, SpaceShape } from './tokens.ts';
import type { Weights } from './weights.ts';

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
  /** Left out: the backbone's own. */
  readonly condition?: Part<ConditionPlugin>;
}

/** What parts that agree say about themselves without their weights. */
export interface PartFacts {
  readonly configs: Readonly<Record<Exclude<keyof Parts, 'condition'>, unknown>>;
  readonly space: SpaceShape;
  readonly layout: Layout;
  readonly width: number;
  readonly reads: Reads;
  readonly condition: ConditionSpace;
  /** Whether its backbone keeps caches from step to step. */
  readonly remembers: boolean;
  /** As `OptionParts.endsGuidance`. */
  readonly endsGuidance: boolean;
  /** The sizes of pictures that all parts serve. */
  readonly sizes: Sizes;
  /** The layout that the weights are of, where `layout` is that of another size. */
  readonly trained?: Layout;
}

/** What `compose` builds from, besides the parts. */
export interface Materials {
  readonly engine: Engine;
  readonly weights: Readonly<Record<'tokenizer' | 'backbone' | 'head', Weights>>;
}

/** The strides under which a read reflects every token that has been written. */
const stridesOf: Readonly<Record<Reads, readonly Stride[]>> = {
  estimate: ['scale'],
  last: ['token'],
  known: ['scale', 'token', 'set', 'part'],
  scale: ['scale', 'part'],
};

/**
 * Reads all configurations and checks that the parts agree, before any weights are opened.
 * @throws TesseraError `part-kind`, `part-contract`, `option-twice`, `reads-not-served`, `order-loses-tokens`, `one-scale`,
 * `confidence-missing`, `space-mismatch`, `condition-...`, or a schema's `field-...`
 */
export function checkParts({ tokenizer, order, backbone, head, condition: given }: Parts): PartFacts {
  const configs = {
    tokenizer: readConfig('tokenizer', tokenizer),
    order: readConfig('order', order),
    backbone: readConfig('backbone', backbone),
    head: readConfig('head', head),
  };
  const { space, layout, serves } = tokenizer.plugin.describe(configs.tokenizer);
  const { reads, width, remembers, endsGuidance = !remembers } = backbone.plugin.describe(configs.backbone);
  const names = { tokenizer, order, backbone };
  checkReads(reads, { serves, stride: order.plugin.stride, names });
  if (order.plugin.revisits) checkRevisits({ reads, remembers, names });
  checkOrder(order.plugin, { scales: layout.scales.length, names: { tokenizer, head } });
  checkSpace(head.plugin, { space, tokenizer: tokenizer.plugin.name });
  optionsOf({ order: order.plugin, head: head.plugin, layout, space, remembers, endsGuidance });
  const { space: condition, facts } = conditionOf({
    plugin: backbone.plugin,
    config: configs.backbone,
    condition: given,
  });
  const sizes = sizesOf({
    tokenizer: { plugin: tokenizer.plugin, config: configs.tokenizer },
    backbone: { plugin: backbone.plugin, config: configs.backbone },
    condition: { name: condition.name, forms: facts?.forms ?? [], anySize: facts?.anySize === true },
  });
  return { configs, space, layout, width, reads, condition, remembers, endsGuidance, sizes };
}

/**
 * The same parts for pictures of another size, by the same weights.
 * @throws TesseraError `size-unsupported`, `part-misdescribed`; `option-twice`, since options depend on the layout
 */
export function factsAtSize(
  { tokenizer: { plugin }, order, head }: Parts,
  facts: PartFacts,
  { size, who }: { readonly size: PictureSize; readonly who: string },
): PartFacts {
  checkSize(size, facts.sizes, who);
  const { own } = facts.sizes.bounds!;
  if (size.height === own.height && size.width === own.width) return facts;
  const config = plugin.sized!.config(facts.configs.tokenizer, size);
  const { layout, space } = plugin.describe(config);
  const [before, after] = [facts.layout.scales.length, layout.scales.length];
  if (before !== after)
    throw new TesseraError({
      code: 'part-misdescribed',
      who: plugin.name,
      got: `${after} scales for the size ${size.width}x${size.height}`,
      expected: `${before}, as many as its own size has`,
      next: `Correct sized.config() of ${plugin.name}, or exchange the part.`,
    });
  const { remembers, endsGuidance } = facts;
  optionsOf({ order: order.plugin, head: head.plugin, layout, space, remembers, endsGuidance });
  return { ...facts, configs: { ...facts.configs, tokenizer: config }, layout, trained: facts.layout };
}

interface Reading {
  readonly serves: readonly Reads[];
  readonly stride: Stride;
  readonly names: Pick<Parts, 'tokenizer' | 'order' | 'backbone'>;
}

/** What a backbone reads must be served, and must reflect every written token. */
function checkReads(reads: Reads, { serves, stride, names: { tokenizer, order, backbone } }: Reading): void {
  if (!serves.includes(reads)) {
    refuse({
      code: 'reads-not-served',
      got: `the backbone ${backbone.plugin.name}, which reads '${reads}'`,
      expected: `one that reads '${serves.join("' or '")}', all that the tokenizer ${tokenizer.plugin.name} serves`,
      next: 'It would never see the tokens written so far: exchange the backbone or the tokenizer.',
    });
  }
  if (!stridesOf[reads].includes(stride)) {
    refuse({
      code: 'order-loses-tokens',
      got: `the order ${order.plugin.name}, whose step is a ${stride}`,
      expected: `steps of a ${stridesOf[reads].join(' or ')}, since the backbone ${backbone.plugin.name} reads '${reads}'`,
      next: 'It would silently miss written tokens: exchange the order or the backbone.',
    });
  }
}

interface Revisiting extends Pick<Reading, 'names'> {
  readonly reads: Reads;
  readonly remembers: boolean;
}

/** Who has seen a token cannot forget it: canvases of which a backbone reads places can, and backbones without a cache. */
function checkRevisits({ reads, remembers, names: { order, backbone } }: Revisiting): void {
  if (!remembers && (reads === 'known' || reads === 'scale')) return;
  refuse({
    code: 'order-revisits',
    got: `the order ${order.plugin.name}, which draws tokens again, with the backbone ${backbone.plugin.name}, which ${remembers ? 'remembers those before' : `reads '${reads}'`}`,
    expected: "a backbone that reads 'known' or 'scale', and remembers nothing",
    next: 'It would go on from tokens that are gone: exchange the order or the backbone.',
  });
}

/** What the heads of a space score, and what the tokens of a space are. */
const scored = { discrete: 'the entries of a codebook', factors: 'the factors of tokens' } as const;
const tokensOf = {
  discrete: { are: 'the tokens', lack: 'whose codebook knows no factors' },
  continuous: { are: 'the continuous tokens', lack: 'which has none' },
  factors: { are: 'the tokens', lack: 'whose factors have a codebook each' },
} as const;

/** Any head may predict values; one that scores codes or factors needs tokens that have them. */
function checkSpace(head: HeadPlugin, { space, tokenizer }: { space: SpaceShape; tokenizer: string }): void {
  if (head.space === 'continuous' || head.space === space.kind) return;
  const { are, lack } = tokensOf[space.kind];
  refuse({
    code: 'space-mismatch',
    got: `the head ${head.name}, which scores ${scored[head.space]}`,
    expected: `one for ${are} of the tokenizer ${tokenizer}, ${lack}`,
    next: 'It could not score a single token: exchange the head or the tokenizer.',
  });
}

interface OrderPlace {
  readonly scales: number;
  readonly names: Pick<Parts, 'tokenizer' | 'head'>;
}

/** What an order needs of the tokenizer and the head. */
function checkOrder(order: OrderPlugin, { scales, names: { tokenizer, head } }: OrderPlace): void {
  if (order.stride === 'scale' && scales === 1) {
    refuse({
      code: 'one-scale',
      got: `the order ${order.name}, whose step is a scale, on the one scale of the tokenizer ${tokenizer.plugin.name}`,
      expected: 'several scales',
      next: 'All tokens would be drawn at once, none seeing another: exchange the order or the tokenizer.',
    });
  }
  if (order.needsConfidence && !head.plugin.confident) {
    refuse({
      code: 'confidence-missing',
      got: `the order ${order.name}, which keeps the tokens with the highest confidence`,
      expected: `a head that gives confidences, which ${head.plugin.name} does not`,
      next: 'It could not tell good tokens from bad ones: exchange the order or the head.',
    });
  }
}

/**
 * Builds a generator from parts that agree; the caller disposes its tokenizer, backbone and head. `facts` of another size
 * (`factsAtSize`) make one for that size, by the same weights.
 * @throws TesseraError as `checkParts`, and what the parts throw
 */
export function compose(
  parts: Parts,
  { engine, weights }: Materials,
  facts: PartFacts = checkParts(parts),
): Composition {
  const tokenizer = parts.tokenizer.plugin.build(facts.configs.tokenizer, { engine, weights: weights.tokenizer });
  try {
    return { tokenizer, ...buildAround(parts, facts, { engine, tokenizer, weights }) };
  } catch (error) {
    throw disposedAfter(error, [tokenizer]);
  }
}

/** What parts are built from around an existing tokenizer. */
interface AroundMaterials extends Pick<Materials, 'engine'> {
  readonly tokenizer: Tokenizer;
  readonly weights: Pick<Materials['weights'], 'backbone' | 'head'>;
}

/**
 * Builds order, backbone and head; the caller disposes backbone and head. On failure nothing is left behind.
 * @throws what the parts throw
 */
export function buildAround(
  { order, backbone: b, head: h, condition }: Omit<Parts, 'tokenizer'>,
  { configs, layout, trained, width }: PartFacts,
  { engine, tokenizer: { space }, weights }: AroundMaterials,
): Omit<Composition, 'tokenizer'> {
  const built: Held[] = [];
  const hold = <T extends Held>(part: T): T => {
    built.unshift(part);
    return part;
  };
  try {
    const backbone = hold(
      buildBackbone(
        { plugin: b.plugin, config: configs.backbone, condition },
        { layout, space, ...(trained && { trained }) },
        { engine, weights: weights.backbone },
      ),
    );
    const dims = { width, space: spaceFor(h.plugin, space) };
    const head = hold(h.plugin.build(configs.head, dims, { engine, weights: weights.head }));
    return { order: order.plugin.build(configs.order), backbone, head };
  } catch (error) {
    throw disposedAfter(error, built);
  }
}

function readConfig(
  kind: keyof PartFacts['configs'],
  { plugin, config }: Part<Parts[keyof PartFacts['configs']]['plugin']>,
): unknown {
  if (plugin.kind !== kind) {
    refuse({
      code: 'part-kind',
      got: `the ${plugin.kind} ${plugin.name} in the place of the ${kind}`,
      expected: `a ${kind}`,
      next: `Exchange the ${kind}.`,
    });
  }
  checkContract(plugin);
  return plugin.config.parse(config, plugin.name);
}

function refuse(parts: Omit<ErrorParts, 'who'>): never {
  throw new TesseraError({ who: 'compose', ...parts });
}
