import { readRequest, type ModelManifest } from '@tessera/models';
import type { DataSet } from '../data/data-set.ts';
import type { Recipe } from '../recipe/recipe.ts';
import type { RecipeParts } from './parts.ts';

/** What `model.json` will say; `config` is the tokenizer's. */
export function manifestOf(recipe: Recipe, data: Pick<DataSet, 'name' | 'classes'>, config: unknown): ModelManifest {
  const { tokenizer, order, backbone, head, defaults } = recipe.model!;
  return {
    format: 'tessera-model',
    version: 1,
    name: recipe.name,
    title: recipe.title,
    description: recipe.description,
    licence: recipe.licence,
    data: data.name,
    classes: data.classes,
    tokenizer: { plugin: tokenizer.plugin, config },
    order,
    backbone,
    head,
    defaults,
  };
}

/**
 * Asks the model that a recipe will make for an image at its default settings, before anything is trained.
 * @throws TesseraError what `readRequest` throws, by the recipe's name
 */
export function checkDefaults(
  recipe: Recipe,
  { parts, facts }: RecipeParts,
  data: Pick<DataSet, 'name' | 'classes'>,
): void {
  const manifest = manifestOf(recipe, data, facts.configs.tokenizer);
  readRequest({ manifest, parts, facts }, { labels: [-1], seed: 0 });
}
