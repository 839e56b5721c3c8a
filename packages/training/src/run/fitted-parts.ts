import type { Engine } from '@tessera/engine';
import { TesseraError } from '@tessera/errors';
import type { Plugins } from '@tessera/models';
import type { DataSet, ImageSize } from '../data/data-set.ts';
import type { LoadedRecipe } from '../recipe/read-recipe.ts';
import { tryBuilding } from './build-trained.ts';
import { checkDefaults } from './manifest-of.ts';
import { partsOf, untrained, type RecipeParts } from './parts.ts';
import { findTokenizer, type FoundTokenizer } from './take-tokenizer.ts';

export interface FitRequest {
  readonly loaded: LoadedRecipe;
  readonly engine: Engine;
  /** Besides Tessera's own. */
  readonly plugins?: Partial<Plugins> | undefined;
}

/** Parts that fit each other and the data. */
export interface FittedParts extends RecipeParts {
  /** Where the weights of the tokenizer are those of a model. */
  readonly taken: FoundTokenizer | null;
}

/**
 * Finds the parts of a recipe and tries them on its data, before any work. Null for a recipe without a model.
 * @throws TesseraError `recipe-incomplete`, `recipe-misfit`, and what `partsOf`, `checkDefaults`, `tryBuilding` and
 * `findTokenizer` throw
 */
export async function fittedParts(request: FitRequest, data: DataSet): Promise<FittedParts | null> {
  const { loaded, engine, plugins } = request;
  const { recipe } = loaded;
  const who = recipe.name;
  if (!recipe.model) return null;
  if (!recipe.generator) {
    const got = 'a model without the stage generator';
    throw new TesseraError({ code: 'recipe-incomplete', who, got, expected: 'a generator to train' });
  }
  const parts = partsOf(recipe, plugins);
  checkClasses(who, parts.facts.condition.classes, data.classes.length);
  checkDefaults(recipe, parts, data);
  const { image, parameters } = tryBuilding(engine, parts);
  checkSize(who, image, data.image);
  if (!recipe.tokenizer && parameters > 0)
    throw untrained(who, `${recipe.model.tokenizer.plugin}, of ${parameters} parameters`);
  const taken = recipe.tokenizer?.kind === 'model' ? recipe.tokenizer : null;
  return { ...parts, taken: taken && (await findTokenizer(parts, { ...request, taken })) };
}

/** As many and no more: `model.json` names every class of the backbone, and one without images would draw noise. */
function checkClasses(who: string, own: number, classes: number): void {
  if (own === classes) return;
  const got = `a backbone of ${own} classes and data of ${classes}`;
  const next =
    classes > 0
      ? `Set model.backbone.config.classes to ${classes}.`
      : 'Put the images into a sub-folder, which is their class, and set model.backbone.config.classes to 1.';
  throw new TesseraError({ code: 'recipe-misfit', who, got, expected: 'as many in both', next });
}

function checkSize(who: string, own: ImageSize, given: ImageSize): void {
  const [wanted, got] = [own, given].map(({ height, width, channels }) => `${height} x ${width} x ${channels}`);
  if (wanted === got) return;
  throw new TesseraError({
    code: 'recipe-misfit',
    who,
    got: `images of ${got} (data.size = ${given.height})`,
    expected: `${wanted}, which the tokenizer is built for`,
    next: own.channels === given.channels ? 'Correct data.size or model.tokenizer.config.' : 'Correct the channels.',
  });
}
