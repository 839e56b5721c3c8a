import { TesseraError } from '@tessera/errors';
import { causalLessons } from './causal-lessons.ts';
import type { LessonOptions, Lessons } from './lesson-plan.ts';
import { maskedLessons } from './masked-lessons.ts';
import { scaleLessons } from './scale-lessons.ts';

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
