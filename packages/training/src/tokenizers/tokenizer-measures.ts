import type { Weights } from '@tessera/core';
import type { Engine } from '@tessera/engine';
import type { DataSet } from '../data/data-set.ts';
import type { EncodedSplit } from '../trainer/encoded-split.ts';

/** A trained tokenizer, to be measured. */
export interface SettleRequest {
  readonly engine: Engine;
  readonly data: DataSet;
  /** As its plug-in read the draft. */
  readonly config: unknown;
  readonly weights: Weights;
  /** The training data as this tokenizer encodes it. */
  readonly encoded: EncodedSplit;
}

/** What is measured of trained tokenizers of one plug-in, and never chosen. */
export interface TokenizerMeasures {
  /** Fields that trained weights rely on and no shape shows. */
  readonly relied: readonly string[];
  /**
   * A recipe's configuration as the plug-in reads it, before anything was measured.
   * @throws TesseraError `recipe-misfit` for what is measured and cannot be chosen; `who` is the recipe
   */
  draft(config: object, who: string): object;
  /** What only a trained tokenizer knows of itself: fields to add to its configuration. */
  settle(request: SettleRequest): Promise<object>;
}
