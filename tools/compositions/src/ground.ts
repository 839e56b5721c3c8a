import type { Part, Tokenizer, TokenizerPlugin } from '@tessera/core';
import type { Engine } from '@tessera/engine';
import type { EncodedSplit, GeneratorRecipe } from '@tessera/training';
import type { Cell } from './cell.ts';

/** A tokenizer with images that it has encoded. */
export interface GroundTokenizer {
  readonly part: Part<TokenizerPlugin>;
  readonly tokenizer: Tokenizer;
  /** Says of which weights, configuration and images it and its encodings are. */
  readonly madeOf: string;
  readonly encoded: { readonly train: EncodedSplit; readonly validation: EncodedSplit };
}

/** What all cells are tried on: shared tokenizers, the sizes of the parts that are trained, and for how long. */
export interface Ground {
  readonly engine: Engine;
  readonly tokenizers: Readonly<Record<Cell['tokenizer'], GroundTokenizer>>;
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
