import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { parseJson, TesseraError } from '@tessera/errors';
import { type Recipe, recipeSchema } from './recipe.ts';

/** A recipe and the folder that its relative paths start at. */
export interface LoadedRecipe {
  readonly recipe: Recipe;
  readonly folder: string;
}

/**
 * Reads a recipe file, and those that it extends. All relative paths start at its own folder.
 * @throws TesseraError `recipe-missing`, `recipe-malformed`, `recipe-circular`, or `field-missing`, `field-invalid`,
 * `field-unknown` naming the field
 */
export async function readRecipe(path: string): Promise<LoadedRecipe> {
  return { recipe: recipeSchema.parse(await readWhole(path, []), path), folder: dirname(resolve(path)) };
}

/** The JSON of a file over that of the one it names in `extends`; `above` are the files that led here. */
async function readWhole(path: string, above: readonly string[]): Promise<unknown> {
  const refusal = { code: 'recipe-malformed', who: path, expected: 'a recipe in JSON', next: 'Correct the file.' };
  const json = parseJson(await bytesOf(path), refusal);
  if (!isObject(json) || !('extends' in json)) return json;
  const { extends: named, ...own } = json;
  const base = resolve(dirname(path), String(named));
  const files = [...above, resolve(path)];
  if (files.includes(base)) {
    const got = `extends = ${JSON.stringify(named)}, which leads back to it`;
    throw new TesseraError({
      code: 'recipe-circular',
      who: path,
      got,
      expected: 'a recipe that does not lead back to it',
    });
  }
  const under = await readWhole(base, files);
  return isObject(under) ? extendRecipe(under, own) : own;
}

async function bytesOf(path: string): Promise<Uint8Array> {
  return readFile(path).catch((cause: unknown) => {
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
}

/** A recipe as its file has it, not yet checked. */
export type RecipeJson = Readonly<Record<string, unknown>>;

/**
 * What a recipe says over what it extends: fields of its sections (`model.head`, `generator.steps`) one by one, each
 * whole, and sections that name a kind whole. So a part never keeps fields of the one that it replaces.
 */
export function extendRecipe(base: RecipeJson, own: RecipeJson): RecipeJson {
  const sections = Object.entries(own).map(([name, value]) => {
    const under = base[name];
    return [name, isObject(under) && isObject(value) && !('kind' in value) ? { ...under, ...value } : value] as const;
  });
  return { ...base, ...Object.fromEntries(sections) };
}

export function isObject(value: unknown): value is RecipeJson {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
