import { checkParts, type Part, type PartFacts, type Parts, type Tokenizer, type TokenizerPlugin } from '@tessera/core';
import type { Engine } from '@tessera/engine';
import { isTesseraError } from '@tessera/errors';
import { builtInPlugins } from '@tessera/models';
import type { EncodedSplit, GeneratorRecipe } from '@tessera/training';

/** The parts that are combined. `vq` is a tokenizer of one scale, `vq-scales` the same plug-in with several. */
export const axes = {
  tokenizer: ['vq', 'vq-scales', 'kl', 'kl-scales'],
  order: ['next-scale', 'raster', 'random', 'random-sets', 'confidence'],
  backbone: ['next-scale-transformer', 'causal-transformer', 'masked-encoder-decoder'],
  head: ['categorical', 'diffusion'],
} as const;

/** One of each. */
export type Cell = { readonly [Axis in keyof typeof axes]: (typeof axes)[Axis][number] };

/** All combinations, the head changing fastest. */
export const cells: readonly Cell[] = axes.tokenizer.flatMap((tokenizer) =>
  axes.order.flatMap((order) =>
    axes.backbone.flatMap((backbone) => axes.head.map((head) => ({ tokenizer, order, backbone, head }))),
  ),
);

/** Its name, as its picture's file has it. */
export function nameOf({ tokenizer, order, backbone, head }: Cell): string {
  return [tokenizer, order, backbone, head].join('_');
}

/** Why a cell is refused. */
export interface Refusal {
  readonly code: string;
  readonly sentence: string;
}

/** The parts of a cell, with the setup's sizes. */
export function partsOf({ tokenizer, order, backbone, head }: Cell, setup: Setup): Parts {
  return {
    tokenizer: setup.tokenizers[tokenizer].part,
    order: partOf(builtInPlugins.orders, order, {}),
    backbone: partOf(builtInPlugins.backbones, backbone, setup.backbones[backbone]),
    head: partOf(builtInPlugins.heads, head, setup.heads[head]),
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

/** A tokenizer with images that it has encoded. */
export interface SharedTokenizer {
  readonly part: Part<TokenizerPlugin>;
  readonly tokenizer: Tokenizer;
  /** Says of which weights, configuration and images it and its encodings are. */
  readonly madeOf: string;
  readonly encoded: { readonly train: EncodedSplit; readonly validation: EncodedSplit };
}

/** What all cells are tried on: shared tokenizers, the sizes of the parts that are trained, and for how long. */
export interface Setup {
  readonly engine: Engine;
  readonly tokenizers: Readonly<Record<Cell['tokenizer'], SharedTokenizer>>;
  readonly backbones: Readonly<Record<Cell['backbone'], object>>;
  readonly heads: Readonly<Record<Cell['head'], object>>;
  /** `masking` is for the cells that draw a cut by a rate. */
  readonly recipe: GeneratorRecipe;
  readonly seed: number;
  /** Request-time options of any part; a cell takes those that its parts know. */
  readonly options: Readonly<Record<string, unknown>>;
  readonly guidance: number;
  /** One image each is drawn. */
  readonly labels: readonly number[];
}
