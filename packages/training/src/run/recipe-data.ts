import { TesseraError } from '@tessera/errors';
import type { DataSet } from '../data/data-set.ts';
import { openData } from '../data/open-data.ts';
import type { LoadedRecipe } from '../recipe/read-recipe.ts';
import type { Recipe } from '../recipe/recipe.ts';

/**
 * Opens the data of a recipe, of which every stage must be able to fill a batch.
 * @throws TesseraError `batch-too-large`, and what `openData` throws
 */
export async function openRecipeData({ recipe, folder }: LoadedRecipe): Promise<DataSet> {
  const data = await openData(recipe.data, { folder, seed: recipe.seed });
  checkBatches(recipe, data.train.count);
  return data;
}

function checkBatches({ name: who, judge, tokenizer, generator }: Recipe, images: number): void {
  for (const [stage, training] of Object.entries({ judge, tokenizer, generator })) {
    if (!training || !('batch' in training) || training.batch <= images) continue;
    throw new TesseraError({
      code: 'batch-too-large',
      who,
      got: `${stage}.batch = ${training.batch} with ${images} training images`,
      expected: `a batch of ${images} images at most`,
      next: 'Choose a smaller batch, or add images.',
    });
  }
}
