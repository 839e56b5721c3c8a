import type { Engine } from '@tessera/engine';
import type { BuildContext, Tokenizer, Weights } from './contracts.ts';
import { disposedAfter, type Held } from './dispose-all.ts';
import { tokenizerFacts } from './guard/check-facts.ts';
import { guardBackbone } from './guard/guard-backbone.ts';
import { guardHead } from './guard/guard-head.ts';
import { guardOrder } from './guard/guard-order.ts';
import { guardTokenizer } from './guard/guard-tokenizer.ts';
import { callPart, misdescribed } from './guard/part-call.ts';
import type { Report } from './guard/patience.ts';
import type { PartFacts, Parts } from './parts.ts';
import type { TokenizerFacts, TokenizerPlugin } from './plugin.ts';
import type { Composition } from './sample.ts';

/** What parts are built from around a tokenizer that stands already. */
export interface AroundMaterials {
  readonly engine: Engine;
  readonly tokenizer: Tokenizer;
  readonly weights: Readonly<Record<'backbone' | 'head', Weights>>;
  /** As `Materials.watchLeaks`. */
  readonly watchLeaks?: boolean;
  /** As `Materials.report`. */
  readonly report?: Report;
}

/**
 * Builds order, backbone and head, each guarded: its own errors and wrong answers become sentences that name it. The
 * caller disposes backbone and head; on failure nothing is left behind.
 * @throws TesseraError `part-failed`, `part-shape`; `part-misdescribed` where a backbone is not what it said
 */
export function buildAround(
  { order: o, backbone: b, head: h }: Pick<Parts, 'order' | 'backbone' | 'head'>,
  { configs, layout, width, reads, remembers }: PartFacts,
  { engine, tokenizer, weights, watchLeaks: watch = false, report }: AroundMaterials,
): Omit<Composition, 'tokenizer'> {
  const built: Held[] = [];
  const build: typeof buildGuarded = (plugin, run, guard) => {
    const part = buildGuarded(plugin, run, guard);
    if (typeof part === 'object' && part !== null && 'dispose' in part) built.push(part as Held);
    return part;
  };
  const { space } = tokenizer;
  const told = report && { report };
  try {
    const backbone = build(
      b.plugin,
      () => b.plugin.build(configs.backbone, { layout, space }, { engine, weights: weights.backbone }),
      (part, name) => guardBackbone(part, { name, watch, remembers, ...told }),
    );
    const said = `width ${width}, reads '${reads}'`;
    checkDescribed(b.plugin.name, `width ${backbone.width}, reads '${backbone.reads}'`, said);
    const head = build(
      h.plugin,
      () => h.plugin.build(configs.head, { width, space }, { engine, weights: weights.head }),
      (part, name) => guardHead(part, { name, watch, space, confident: h.plugin.confident === true, ...told }),
    );
    return { order: build(o.plugin, () => o.plugin.build(configs.order), guardOrder), backbone, head };
  } catch (error) {
    throw disposedAfter(error, built);
  }
}

/**
 * Builds a tokenizer, guarded as the other parts are.
 * @throws TesseraError `part-failed`, `part-shape`; `part-misdescribed` where it is not what it said; `layout-broken`
 */
export function buildTokenizer(
  plugin: TokenizerPlugin,
  config: unknown,
  { report, ...context }: BuildContext & { readonly report?: Report },
): Tokenizer {
  const said = factsOf(tokenizerFacts(plugin, config));
  const tokenizer = buildGuarded(
    plugin,
    () => plugin.build(config, context),
    (built, name) => guardTokenizer(built, name, report),
  );
  try {
    checkDescribed(plugin.name, factsOf(tokenizer), said);
    return tokenizer;
  } catch (error) {
    throw disposedAfter(error, [tokenizer]);
  }
}

function factsOf({ space, layout, serves }: TokenizerFacts): string {
  const vocabulary = space.kind === 'discrete' ? `, vocabulary ${space.vocabulary}` : '';
  const scales = layout.scales.map(({ height, width }) => `${height}x${width}`).join(' ');
  const tokens = `${space.kind} tokens of ${space.channels} channels${vocabulary}`;
  return `${tokens}, scales ${scales}, serves '${[...serves].sort().join("', '")}'`;
}

/** Builds one part by its own code and guards it. @throws TesseraError `part-failed`, `part-shape` */
export function buildGuarded<T>(
  { name }: { readonly name: string },
  build: () => T,
  guard: (part: T, name: string) => T,
): T {
  const built = callPart({ name, call: 'build()', quotes: true }, build);
  try {
    return guard(built, name);
  } catch (error) {
    const held = built as Partial<Held> | null | undefined;
    throw disposedAfter(error, typeof held?.dispose === 'function' ? [held as Held] : []);
  }
}

function checkDescribed(name: string, got: string, expected: string): void {
  if (got !== expected) throw misdescribed(name, got, expected);
}
