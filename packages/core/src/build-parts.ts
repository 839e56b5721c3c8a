import type { Engine } from '@tessera/engine';
import { TesseraError } from '@tessera/errors';
import type { BuildContext, Tokenizer, Weights } from './contracts.ts';
import { disposedAfter, type Held } from './dispose-all.ts';
import { guardBackbone } from './guard/guard-backbone.ts';
import { guardHead } from './guard/guard-head.ts';
import { guardOrder } from './guard/guard-order.ts';
import { guardTokenizer } from './guard/guard-tokenizer.ts';
import { callPart } from './guard/part-call.ts';
import type { PartFacts, Parts } from './parts.ts';
import type { TokenizerPlugin } from './plugin.ts';
import type { Composition } from './sample.ts';

/** What parts are built from around a tokenizer that stands already. */
export interface AroundMaterials {
  readonly engine: Engine;
  readonly tokenizer: Tokenizer;
  readonly weights: Readonly<Record<'backbone' | 'head', Weights>>;
  /** As `Materials.watchLeaks`. */
  readonly watchLeaks?: boolean;
}

/**
 * Builds order, backbone and head, each guarded: its own errors and wrong answers become sentences that name it. The
 * caller disposes backbone and head; on failure nothing is left behind.
 * @throws TesseraError `part-failed`, `part-shape`; `part-misdescribed` where a backbone has another width than it said
 */
export function buildAround(
  { order: o, backbone: b, head: h }: Pick<Parts, 'order' | 'backbone' | 'head'>,
  { configs, layout, width }: PartFacts,
  { engine, tokenizer, weights, watchLeaks: watch = false }: AroundMaterials,
): Omit<Composition, 'tokenizer'> {
  const built: Held[] = [];
  const build: typeof buildGuarded = (plugin, run, guard) => {
    const part = buildGuarded(plugin, run, guard);
    if (typeof part === 'object' && part !== null && 'dispose' in part) built.push(part as Held);
    return part;
  };
  const { space } = tokenizer;
  try {
    const backbone = build(
      b.plugin,
      () => b.plugin.build(configs.backbone, { layout, space }, { engine, weights: weights.backbone }),
      (part, name) => guardBackbone(part, { name, watch }),
    );
    checkDescribed(b.plugin.name, `width ${backbone.width}`, `width ${width}`);
    const head = build(
      h.plugin,
      () => h.plugin.build(configs.head, { width, space }, { engine, weights: weights.head }),
      (part, name) => guardHead(part, { name, watch, space, confident: h.plugin.confident === true }),
    );
    return { order: build(o.plugin, () => o.plugin.build(configs.order), guardOrder), backbone, head };
  } catch (error) {
    throw disposedAfter(error, built);
  }
}

/** Builds a tokenizer, guarded as the other parts are. @throws TesseraError `part-failed`, `part-shape` */
export function buildTokenizer(plugin: TokenizerPlugin, config: unknown, context: BuildContext): Tokenizer {
  return buildGuarded(plugin, () => plugin.build(config, context), guardTokenizer);
}

/** Builds one part by its own code and guards it. @throws TesseraError `part-failed`, `part-shape` */
export function buildGuarded<T>(
  { name }: { readonly name: string },
  build: () => T,
  guard: (part: T, name: string) => T,
): T {
  return guard(callPart({ name, call: 'build()' }, build), name);
}

/** @throws TesseraError `part-misdescribed` */
export function checkDescribed(who: string, got: string, expected: string): void {
  if (got === expected) return;
  throw new TesseraError({
    code: 'part-misdescribed',
    who,
    got,
    expected: `${expected}, as it describes itself`,
    next: `Correct or exchange ${who}.`,
  });
}
