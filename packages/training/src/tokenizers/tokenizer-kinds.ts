import type { TokenizerRecipe } from '../recipe/recipe.ts';
import { klKind } from './kl-kind.ts';
import type { TokenizerKind } from './tokenizer-kind.ts';
import { vqKind } from './vq-kind.ts';

const kinds: { readonly [K in TokenizerRecipe['kind']]: TokenizerKind<Extract<TokenizerRecipe, { kind: K }>> } = {
  vq: vqKind,
  kl: klKind,
};

/** How tokenizers of this kind are trained. */
export function tokenizerKind(kind: TokenizerRecipe['kind']): TokenizerKind {
  return kinds[kind] as TokenizerKind;
}
