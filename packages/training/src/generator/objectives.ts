import type { Reads } from '@tessera/core';
import { TesseraError } from '@tessera/errors';
import { causalObjective } from './causal.ts';
import { maskedObjective } from './masked.ts';
import { nextScaleObjective } from './next-scale.ts';
import type { Objective, ObjectiveOptions } from './objective.ts';

interface ObjectiveEntry {
  /** The section of `generator` in a recipe that this objective alone reads. */
  readonly section: 'progressive' | 'masking' | null;
  open(options: ObjectiveOptions): Objective;
}

/** All training objectives, by what a backbone reads. A new kind of backbone is one more entry. */
const objectives: { readonly [R in Reads]: ObjectiveEntry } = {
  estimate: { section: 'progressive', open: nextScaleObjective },
  known: { section: 'masking', open: maskedObjective },
  last: { section: null, open: causalObjective },
};

/**
 * Opens the objective that fits the backbone. It visits tokens as the order does.
 * @throws TesseraError `recipe-misfit` for a section of the recipe that belongs to another objective
 */
export function openObjective(options: ObjectiveOptions): Objective {
  const { reads } = options.parts.backbone;
  for (const [needed, { section }] of Object.entries(objectives)) {
    if (section && options.recipe[section] && needed !== reads) throw sectionMisfit(section, { reads, needed });
  }
  return objectives[reads].open(options);
}

function sectionMisfit(section: string, { reads, needed }: { reads: string; needed: string }): TesseraError {
  return new TesseraError({
    code: 'recipe-misfit',
    who: 'training',
    got: `generator.${section} for a backbone that reads '${reads}'`,
    expected: `generator.${section} only where it reads '${needed}'`,
    next: `Remove generator.${section}, or exchange the backbone.`,
  });
}
