import type { Backbone, Head, Order, Tokenizer } from '@tessera/core';
import type { Engine } from '@tessera/engine';
import type { FreshWeights } from '@tessera/models';
import type { RecipeParts } from './parts.ts';

/** Builds the parts that stage two trains, and the order it trains them for, around a tokenizer that stays as it is. */
export function buildTrained(
  engine: Engine,
  { parts, facts }: RecipeParts,
  { tokenizer, weights }: { tokenizer: Tokenizer; weights: Readonly<Record<'backbone' | 'head', FreshWeights>> },
): { order: Order; backbone: Backbone; head: Head } {
  const { space, layout } = tokenizer;
  const own = { engine, weights: weights.backbone };
  const backbone = parts.backbone.plugin.build(facts.configs.backbone, { layout, space }, own);
  const head = parts.head.plugin.build(
    facts.configs.head,
    { width: facts.width, space },
    { engine, weights: weights.head },
  );
  return { order: parts.order.plugin.build(facts.configs.order), backbone, head };
}
