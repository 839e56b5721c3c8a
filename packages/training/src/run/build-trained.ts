import { buildAround, disposeAll, disposedAfter } from '@tessera/core';
import type { Composition, Held, Tokenizer } from '@tessera/core';
import type { Engine } from '@tessera/engine';
import { freshWeights, type FreshWeights } from '@tessera/models';
import type { ImageSize } from '../data/data-set.ts';
import type { RecipeParts } from './parts.ts';

/**
 * Builds the parts that stage two trains, and the order it trains them for, around a tokenizer that stays as it is.
 * @throws TesseraError as `buildAround` of core: what a plug-in does wrong is said in its name
 */
export function buildTrained(
  engine: Engine,
  { parts, facts }: RecipeParts,
  { tokenizer, weights }: { tokenizer: Tokenizer; weights: Readonly<Record<'backbone' | 'head', FreshWeights>> },
): Omit<Composition, 'tokenizer'> {
  return buildAround(parts, facts, { engine, tokenizer, weights });
}

/** What a tokenizer shows of itself only when it is built. */
export interface BuiltTokenizer {
  readonly image: ImageSize;
  /** Numbers in its weights, those included that no optimiser touches. */
  readonly parameters: number;
}

/** Builds every part once and lets go of it: what cannot be built must be known before a tokenizer has trained. */
export function tryBuilding(engine: Engine, recipeParts: RecipeParts): BuiltTokenizer {
  const { parts, facts } = recipeParts;
  const [own, backbone, head] = [freshWeights(0), freshWeights(0), freshWeights(0)];
  const held: Held[] = [own, backbone, head];
  let found: BuiltTokenizer;
  try {
    const tokenizer = parts.tokenizer.plugin.build(facts.configs.tokenizer, { engine, weights: own });
    held.unshift(tokenizer);
    const built = buildTrained(engine, recipeParts, { tokenizer, weights: { backbone, head } });
    held.unshift(built.backbone, built.head);
    const parameters = [...own.params, ...own.buffers].reduce((sum, { variable }) => sum + variable.size, 0);
    found = { image: tokenizer.image, parameters };
  } catch (error) {
    throw disposedAfter(error, held);
  }
  disposeAll(held);
  return found;
}
