import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { TesseraError } from '@tessera/errors';
import { recipeSchema } from './recipe-schema.ts';
import type { Recipe } from './recipe.ts';

/** A recipe and the folder that its relative paths start at. */
export interface LoadedRecipe {
  readonly recipe: Recipe;
  readonly folder: string;
}

/**
 * Reads a recipe file.
 * @throws TesseraError `recipe-missing`, `recipe-malformed`, or `field-missing`, `field-invalid`, `field-unknown` naming the field
 */
export async function readRecipe(path: string): Promise<LoadedRecipe> {
  const text = await readFile(path, 'utf8').catch((cause: unknown) => {
    const next = 'Check the path.';
    throw new TesseraError({
      code: 'recipe-missing',
      who: path,
      got: 'no readable file',
      expected: 'a recipe',
      next,
      cause,
    });
  });
  return { recipe: recipeSchema.parse(parseJson(text, path), path), folder: dirname(resolve(path)) };
}

function parseJson(text: string, path: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    const got = `text that is not JSON (${(cause as Error).message})`;
    const next = 'Correct the file.';
    throw new TesseraError({ code: 'recipe-malformed', who: path, got, expected: 'a recipe in JSON', next, cause });
  }
}
