import type { TokenizerRecipe } from '../recipe/recipe.ts';
import { klKind } from './kl-kind.ts';
import { klMeasures } from './kl-measures.ts';
import { klScalesMeasures } from './kl-scales-measures.ts';
import type { TokenizerKind } from './tokenizer-kind.ts';
import type { TokenizerMeasures } from './tokenizer-measures.ts';
import { vqKind } from './vq-kind.ts';
import { vqMeasures } from './vq-measures.ts';

type StageKind = TokenizerRecipe['kind'];

const kinds: { readonly [K in StageKind]: TokenizerKind<Extract<TokenizerRecipe, { kind: K }>> } = {
  vq: vqKind,
  kl: klKind,
};

interface Trainable {
  readonly trainedBy: StageKind;
  readonly measures: TokenizerMeasures;
}

const plugins = new Map<string, Trainable>([
  ['vq', { trainedBy: 'vq', measures: vqMeasures }],
  ['kl', { trainedBy: 'kl', measures: klMeasures }],
  ['kl-scales', { trainedBy: 'kl', measures: klScalesMeasures }],
]);

/** Of plug-ins of others, which bring all that they need to know. */
const nothing: TokenizerMeasures = { relied: [], draft: (config) => config, settle: async () => ({}) };

/** How stages of this kind train. */
export function tokenizerKind(kind: StageKind): TokenizerKind {
  return kinds[kind] as TokenizerKind;
}

/** The kind of stage that trains tokenizers of this plug-in; null where none does. */
export function trainedBy(plugin: string): StageKind | null {
  return plugins.get(plugin)?.trainedBy ?? null;
}

/** What is measured of tokenizers of this plug-in. */
export function measuresOf(plugin: string): TokenizerMeasures {
  return plugins.get(plugin)?.measures ?? nothing;
}
