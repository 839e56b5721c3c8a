import type { ConditionSpace } from '@tessera/core';
import { TesseraError } from '@tessera/errors';
import type { DataSet } from '../data/data-set.ts';

/**
 * Checks that a model can be told what every image of its data is to show. @throws TesseraError `recipe-misfit`, and what the
 * `input` of the condition throws
 */
export function checkConditions(who: string, space: ConditionSpace, data: DataSet): void {
  if (space.classes !== null) return checkClasses(who, space.classes, data.classes.length);
  const { train, validation, test } = data;
  for (const [name, { count, inputs }] of Object.entries({ training: train, validation, test })) {
    if (count === 0) continue;
    const without = inputs ? inputs.findIndex((all) => all.length === 0) : 0;
    if (!inputs || without >= 0) {
      throw new TesseraError({
        code: 'recipe-misfit',
        who,
        got: inputs ? `no input for image ${without} of the ${name} images` : `no inputs for the ${name} images`,
        expected: `what the condition ${space.name} reads, for each image`,
        next: 'Set data.input to what is known of the images.',
      });
    }
    for (const [image, all] of inputs.entries()) {
      for (const one of all) space.input.parse(one, `${who}, image ${image} of the ${name} images`);
    }
  }
}

/** Class counts must be equal: `model.json` names every class of the backbone, and a class without images would be noise. */
function checkClasses(who: string, own: number, classes: number): void {
  if (own === classes) return;
  const got = `a backbone of ${own} classes and data of ${classes}`;
  const next =
    classes > 0
      ? `Set model.backbone.config.classes to ${classes}.`
      : 'Put the images into a sub-folder, which is their class, and set model.backbone.config.classes to 1.';
  throw new TesseraError({ code: 'recipe-misfit', who, got, expected: 'as many in both', next });
}
