import { checkParts, type Part, type PartFacts, type Parts } from '@tessera/core';
import { isTesseraError } from '@tessera/errors';
import { builtInPlugins } from '@tessera/models';
import type { Cell } from './cell.ts';
import type { Ground } from './ground.ts';

/** Why a cell is refused. */
export interface Refusal {
  readonly code: string;
  readonly sentence: string;
}

/** The parts of a cell, with the ground's sizes. */
export function partsOf({ tokenizer, order, backbone, head }: Cell, ground: Ground): Parts {
  return {
    tokenizer: ground.tokenizers[tokenizer].part,
    order: partOf(builtInPlugins.orders, order, {}),
    backbone: partOf(builtInPlugins.backbones, backbone, ground.backbones[backbone]),
    head: partOf(builtInPlugins.heads, head, ground.heads[head]),
  };
}

function partOf<P extends { readonly name: string }>(plugins: readonly P[], name: string, config: object): Part<P> {
  return { plugin: plugins.find((plugin) => plugin.name === name)!, config };
}

/** What the parts say of themselves, or why they are refused together. */
export function factsOf(parts: Parts): PartFacts | Refusal {
  try {
    return checkParts(parts);
  } catch (error) {
    if (!isTesseraError(error)) throw error;
    return { code: error.code, sentence: error.message };
  }
}
