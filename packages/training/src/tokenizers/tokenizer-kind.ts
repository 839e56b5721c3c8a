import type { TraceRng, TrainResult, TrainStep } from '@tessera/engine';
import type { FreshWeights } from '@tessera/models';
import type { DataSet } from '../data/data-set.ts';
import type { ImageBatch, ReconstructionLoss, ReconstructionOptions } from '../loss/reconstruction-loss.ts';
import type { TokenizerRecipe } from '../recipe/recipe.ts';
import type { Stage } from '../trainer/stage.ts';

/** What a learner is made from. */
export interface LearnerRequest<R extends TokenizerRecipe> {
  readonly recipe: R;
  /** As the tokenizer's plug-in read it. */
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

/** How stages of one kind train a tokenizer. */
export interface TokenizerKind<R extends TokenizerRecipe = TokenizerRecipe> {
  learner(request: LearnerRequest<R>): Learner;
}
