import { findCondition, type Plugins } from '@tessera/models';
import type { DataSet } from '../data/data-set.ts';
import type { LoadedRecipe } from '../recipe/recipe.ts';
import { type StartModel, withStart } from './start-model.ts';

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
 * keeps that of a model, stays as it is. @throws what `fit` throws
 */
function withCondition(loaded: LoadedRecipe, data: DataSet, plugins: Partial<Plugins> = {}): LoadedRecipe {
  const { recipe } = loaded;
  const condition = recipe.model?.condition;
  const isNew = recipe.start === null || recipe.condition !== null;
  const fit = condition && isNew ? findCondition(condition.plugin, plugins)?.fit : undefined;
  if (!condition || !fit) return loaded;
  const config = fit(condition.config, (data.train.inputs ?? []).flat());
  return { ...loaded, recipe: { ...recipe, model: { ...recipe.model!, condition: { ...condition, config } } } };
}
