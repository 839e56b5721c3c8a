import type { Weights } from '@tessera/core';
import type { Engine, TraceRng, TrainResult, TrainStep } from '@tessera/engine';
import type { FreshWeights } from '@tessera/models';
import type { DataSet } from '../data/data-set.ts';
import type { ImageBatch, ReconstructionLoss, ReconstructionOptions } from '../loss/reconstruction-loss.ts';
import type { TokenizerRecipe } from '../recipe/recipe.ts';
import type { EncodedSplit } from '../trainer/encoded-split.ts';
import type { Stage } from '../trainer/stage.ts';

/** What a learner is made from. */
export interface LearnerRequest<R extends TokenizerRecipe> {
  readonly recipe: R;
  readonly config: unknown;
  readonly weights: FreshWeights;
  readonly data: DataSet;
  readonly seed: number;
}

/** A tokenizer in training. */
export interface Learner {
  loss(options: ReconstructionOptions): (batch: ImageBatch, rng: TraceRng) => ReconstructionLoss;
  /** Names of its own terms among the loss's aux. */
  readonly terms: readonly string[];
  /** What is done beside the gradients. */
  attend?(trainStep: TrainStep): Attendant;
}

/** Work beside the gradients: codes that start from data, and start again. */
export interface Attendant extends Required<Pick<Stage, 'start' | 'after' | 'memory'>> {
  figures(result: TrainResult): Record<string, number | readonly number[]>;
}

/** A trained tokenizer, to be measured. */
export interface SettleRequest {
  readonly engine: Engine;
  readonly data: DataSet;
  readonly config: unknown;
  readonly weights: Weights;
  /** The training data as this tokenizer encodes it. */
  readonly encoded: EncodedSplit;
}

/** How tokenizers of one plug-in are trained. */
export interface TokenizerKind<R extends TokenizerRecipe = TokenizerRecipe> {
  /**
   * A recipe's configuration as the plug-in reads it, before anything was measured.
   * @throws TesseraError `recipe-misfit` for what is measured and cannot be chosen; `who` is the recipe
   */
  draft(config: object, who: string): object;
  learner(request: LearnerRequest<R>): Learner;
  /** What only a trained tokenizer knows of itself: fields to add to its configuration. */
  settle(request: SettleRequest): Promise<object>;
}
