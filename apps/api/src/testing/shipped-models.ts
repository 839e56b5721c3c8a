import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { listModelFolders, type ModelFolder } from '@tessera/models';

const root = resolve(import.meta.dirname, '../../../..');

/** The models that come with the repository: each has a recipe of its name, which a model of one's own beside them has not. */
export function shippedModels(): readonly ModelFolder[] {
  const all = listModelFolders([join(root, 'models')]);
  return all.filter(({ name }) => existsSync(join(root, 'recipes', `${name}.json`)));
}
