import type { ConditionSpace } from '@tessera/core';
import { TesseraError } from '@tessera/errors';
import { findCondition, type Plugins } from '@tessera/models';
import type { DataSet } from '../data/data-set.ts';
import type { LoadedRecipe } from '../recipe/recipe.ts';
import { type StartModel, withStart } from './start-model.ts';

/* What a recipe and its data agree on about conditions. */

/**
 * A recipe with what it does not say itself: the parts of the model that it starts from, and what its condition learns of the
 * data. @throws what `withStart` and `withCondition` throw
 */
export async function completeRecipe(
  loaded: LoadedRecipe,
  data: DataSet,
  plugins?: Partial<Plugins>,
): Promise<{ readonly loaded: LoadedRecipe; readonly start: StartModel | null }> {
  const { loaded: whole, start } = await withStart(loaded, data);
  return { loaded: withCondition(whole, data, plugins), start };
}

/**
 * A recipe whose condition knows what the training images are to show, as `fit` of its part says. A recipe without one, or that
 * continues a model, stays as it is. @throws what `fit` throws
 */
function withCondition(loaded: LoadedRecipe, data: DataSet, plugins: Partial<Plugins> = {}): LoadedRecipe {
  const { recipe } = loaded;
  const condition = recipe.model?.condition;
  const fit = condition && recipe.start === null ? findCondition(condition.plugin, plugins)?.fit : undefined;
  if (!condition || !fit) return loaded;
  const config = fit(condition.config, (data.train.inputs ?? []).flat());
  return { ...loaded, recipe: { ...recipe, model: { ...recipe.model!, condition: { ...condition, config } } } };
}

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
