import type { Backbone, Head, Order, Tokenizer } from '@tessera/core';
import type { GeneratorRecipe } from '../recipe/recipe.ts';
import type { Batch, Stage } from './stage.ts';

/** Which lesson: the optimiser step, the number of the batch among all, and how many images it has. */
export interface LessonKey {
  readonly step: number;
  readonly number: number;
  readonly images: number;
}

/** How a backbone is taught: what a batch holds besides encodings and labels, and the loss. */
export interface Lessons {
  readonly loss: Stage['spec']['loss'];
  plan(key: LessonKey): Batch;
  /** How many forms its batches have: each is compiled into a program of its own. */
  readonly programs: number;
  /** Names of the loss's figures. */
  readonly figures: readonly string[];
}

export interface LessonOptions {
  readonly parts: {
    readonly tokenizer: Tokenizer;
    readonly order: Order;
    readonly backbone: Backbone;
    readonly head: Head;
  };
  readonly recipe: GeneratorRecipe;
  readonly seed: number;
}
