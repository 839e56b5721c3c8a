import { readdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { expect, it } from 'vitest';
import { readRecipe } from '../recipe/read-recipe.ts';
import { partsOf } from './recipe-parts.ts';

const recipes = resolve(import.meta.dirname, '../../../../recipes');
const files = (await readdir(recipes, { recursive: true })).filter((file) => file.endsWith('.json')).sort();

it.each(files)('the recipe %s names parts that agree, or a judge alone', async (file) => {
  const { recipe } = await readRecipe(join(recipes, file));
  if (recipe.model) expect(partsOf(recipe).facts.space.kind).toMatch(/^(discrete|continuous)$/);
  else expect(recipe.judge).not.toBeNull();
});
