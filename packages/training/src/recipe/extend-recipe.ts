/** A recipe as its file writes it, checked by nobody yet. */
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
