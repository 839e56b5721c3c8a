import { editAddress } from '../mask/edit-address.ts';
import { isPng, textOf } from './png-text.ts';
import { KEYWORD, readRecipe, recipeAddress, type Recipe } from './recipe.ts';

/** What a dropped file is good for. */
export type Dropped =
  | { readonly kind: 'recipe'; readonly address: string; readonly message: string; readonly recipe: Recipe }
  /** A picture without settings, or with damaged ones. */
  | { readonly kind: 'picture'; readonly message: string }
  | { readonly kind: 'other'; readonly message: string };

/** Looks into a dropped file; `message` is for the page. */
export async function readDropped(file: File): Promise<Dropped> {
  const { name, type } = file;
  const bytes = new Uint8Array(await file.arrayBuffer());
  if (!isPng(bytes)) {
    if (type.startsWith('image/'))
      return { kind: 'picture', message: `“${name}” has no settings in it: only a PNG that was saved here has.` };
    return {
      kind: 'other',
      message: `“${name}” is no picture. Drop a PNG that was saved here, and its settings come back.`,
    };
  }
  try {
    const text = await textOf(bytes, KEYWORD);
    if (text === null)
      return {
        kind: 'picture',
        message: `“${name}” has no settings in it: it was not saved here, or another program took them out.`,
      };
    const recipe = readRecipe(text);
    const what = recipe.class === null ? recipe.model : `${recipe.model}, ${recipe.class}`;
    return {
      kind: 'recipe',
      recipe,
      address: recipe.edit ? editAddress(recipe.generation) : recipeAddress({ ...recipe, count: 1 }),
      message: `The settings of “${name}” are here again: ${what}, seed ${recipe.seed}.`,
    };
  } catch (error) {
    return { kind: 'picture', message: `The settings in “${name}” cannot be read: ${(error as Error).message}.` };
  }
}
