import type { Engine } from '@tessera/engine';
import { TesseraError } from '@tessera/errors';
import type { Tokenizer, Weights } from './contracts.ts';
import { guardBackbone } from './guard/guard-backbone.ts';
import { guardHead } from './guard/guard-head.ts';
import { guardOrder } from './guard/guard-order.ts';
import { callPart } from './guard/part-call.ts';
import type { PartFacts, Parts } from './parts.ts';
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
  const built: { dispose(): void }[] = [];
  const build = <T>({ name }: { readonly name: string }, run: () => T, guard: (part: T, name: string) => T): T => {
    const part = guard(callPart({ name, call: 'build()' }, run), name);
    if (typeof part === 'object' && part !== null && 'dispose' in part) built.push(part as { dispose(): void });
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
    for (const part of built) part.dispose();
    throw error;
  }
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
