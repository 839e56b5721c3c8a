import type { Engine } from '@tessera/engine';
import { TesseraError, type ErrorParts } from '@tessera/errors';
import { buildAround, buildTokenizer } from './build-parts.ts';
import type { Reads, Weights } from './contracts.ts';
import { disposedAfter } from './dispose-all.ts';
import type { OrderPlugin, Stride } from './plugin.ts';
import { checkContract } from './define/plugin-contract.ts';
import { backboneFacts, tokenizerFacts } from './guard/check-facts.ts';
import { callPart } from './guard/part-call.ts';
import type { Report } from './guard/patience.ts';
import { optionsOf } from './options.ts';
import type { Part, PartFacts, Parts } from './parts.ts';
import type { Composition } from './sample.ts';

/** What `compose` builds from, besides the parts. */
export interface Materials {
  readonly engine: Engine;
  readonly weights: Readonly<Record<'tokenizer' | 'backbone' | 'head', Weights>>;
  /** Nobody else makes tensors while it generates: a part that leaves some behind is then found and named. */
  readonly watchLeaks?: boolean;
  /** Told of a call of a part that lasts long: a line, on standard error where nobody takes it. */
  readonly report?: Report;
}

/** The strides under which a read reflects every token that has been written. */
const stridesOf: Readonly<Record<Reads, readonly Stride[]>> = {
  estimate: ['scale'],
  last: ['token'],
  known: ['scale', 'token', 'set'],
};

/**
 * Reads all configurations and checks that the parts agree, before any weights are opened.
 * @throws TesseraError `part-kind`, `part-contract`, `part-failed`, `part-misdescribed`, `layout-broken`, `option-twice`, `reads-not-served`, `order-loses-tokens`,
 * `one-scale`, `confidence-missing`, `space-mismatch`, or a schema's `field-...`
 */
export function checkParts({ tokenizer, order, backbone, head }: Parts): PartFacts {
  const configs = {
    tokenizer: readConfig('tokenizer', tokenizer),
    order: readConfig('order', order),
    backbone: readConfig('backbone', backbone),
    head: readConfig('head', head),
  };
  const { space, layout, serves } = tokenizerFacts(tokenizer.plugin, configs.tokenizer);
  const { reads, width, classes, remembers } = backboneFacts(backbone.plugin, configs.backbone);
  checkReads(reads, { serves, stride: order.plugin.stride, names: { tokenizer, order, backbone } });
  checkOrder(order.plugin, { scales: layout.scales.length, names: { tokenizer, head } });
  if (head.plugin.space === 'discrete' && space.kind !== 'discrete') {
    refuse({
      code: 'space-mismatch',
      got: `the head ${head.plugin.name}, which scores the entries of a codebook`,
      expected: `one for the continuous tokens of the tokenizer ${tokenizer.plugin.name}, which has none`,
      next: 'It could not score a single token: exchange the head or the tokenizer.',
    });
  }
  optionsOf({ order: order.plugin, head: head.plugin, layout, space, remembers });
  return { configs, space, layout, width, reads, classes, remembers };
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
      got: `the order ${order.name}, which keeps the tokens that the head is surest of`,
      expected: `a head that says so, which ${head.plugin.name} does not`,
      next: 'It could not tell good tokens from bad ones: exchange the order or the head.',
    });
  }
}

/**
 * Builds a generator from parts that agree; the caller disposes its tokenizer, backbone and head. Every part is guarded:
 * its own errors and wrong answers become sentences that name it.
 * @throws TesseraError as `checkParts`; `part-failed`, `part-shape`; `part-misdescribed` when a built part contradicts its
 * own description
 */
export function compose(parts: Parts, { engine, weights, watchLeaks = false, report }: Materials): Composition {
  const facts = checkParts(parts);
  const { plugin } = parts.tokenizer;
  const told = report && { report };
  const tokenizer = buildTokenizer(plugin, facts.configs.tokenizer, {
    engine,
    weights: weights.tokenizer,
    ...told,
  });
  try {
    return { tokenizer, ...buildAround(parts, facts, { engine, tokenizer, weights, watchLeaks, ...told }) };
  } catch (error) {
    throw disposedAfter(error, [tokenizer]);
  }
}

function readConfig(kind: keyof Parts, { plugin, config }: Part<Parts[keyof Parts]['plugin']>): unknown {
  if (plugin.kind !== kind) {
    refuse({
      code: 'part-kind',
      got: `the ${plugin.kind} ${plugin.name} in the place of the ${kind}`,
      expected: `a ${kind}`,
      next: `Exchange the ${kind}.`,
    });
  }
  checkContract(plugin);
  return callPart({ name: plugin.name, call: 'config.parse()', quotes: true }, () =>
    plugin.config.parse(config, plugin.name),
  );
}

function refuse(parts: Omit<ErrorParts, 'who'>): never {
  throw new TesseraError({ who: 'compose', ...parts });
}
