import type { Backbone, Head, Order, Tokenizer } from '@tessera/core';
import { TesseraError } from '@tessera/errors';
import type { GeneratorRecipe } from '../recipe/recipe.ts';
import { causalLessons } from './causal-lessons.ts';
import { maskedLessons } from './masked-lessons.ts';
import { scaleLessons } from './scale-lessons.ts';
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

/**
 * Lessons follow from what the backbone reads, and visit tokens as the order does.
 * @throws TesseraError `recipe-misfit` where the recipe plans what such parts cannot learn
 */
export function lessonsOf(options: LessonOptions): Lessons {
  const { reads } = options.parts.backbone;
  const { progressive, masking } = options.recipe;
  if (progressive && reads !== 'estimate') throw misfit('progressive', reads, "'estimate'");
  if (masking && reads !== 'known') throw misfit('masking', reads, "'known'");
  if (reads === 'estimate') return scaleLessons(options);
  return reads === 'known' ? maskedLessons(options) : causalLessons(options);
}

function misfit(field: string, reads: string, needed: string): TesseraError {
  return new TesseraError({
    code: 'recipe-misfit',
    who: 'training',
    got: `generator.${field} for a backbone that reads '${reads}'`,
    expected: `generator.${field} only where it reads ${needed}`,
    next: `Remove generator.${field}, or exchange the backbone.`,
  });
}
