import { isAbsolute, resolve } from 'node:path';
import { findModel, modelRoots } from '@tessera/models';

/**
 * The folder of a model that a recipe names. Paths start at the recipe's folder. Names are searched around the working
 * folder, then around the recipe.
 * @throws TesseraError `unknown-model`
 */
export function namedFolder(named: string, folder: string): string {
  const isPath = isAbsolute(named) || /^\.|[/\\]/.test(named);
  return findModel(isPath ? resolve(folder, named) : named, [...modelRoots(), ...modelRoots(folder)]).folder;
}
