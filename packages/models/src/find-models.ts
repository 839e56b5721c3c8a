import { existsSync, readdirSync, statSync } from 'node:fs';
import { basename, delimiter, dirname, join, resolve } from 'node:path';
import { TesseraError } from '@tessera/errors';

/** A folder that holds a `model.json`. */
export interface ModelFolder {
  readonly name: string;
  readonly folder: string;
}

/**
 * Where models are looked for: the folders of the environment variable TESSERA_MODELS, else `models/` of the working
 * folder or of the nearest folder above it that has one.
 */
export function modelRoots(from: string = process.cwd()): string[] {
  const listed = process.env['TESSERA_MODELS'];
  if (listed)
    return listed
      .split(delimiter)
      .filter(Boolean)
      .map((path) => resolve(from, path));
  for (let folder = resolve(from); ; folder = dirname(folder)) {
    const models = join(folder, 'models');
    if (existsSync(models) && statSync(models).isDirectory()) return [models];
    if (dirname(folder) === folder) return [];
  }
}

/** All model folders under the roots, by name; the first root wins. */
export function listModelFolders(roots: readonly string[] = modelRoots()): ModelFolder[] {
  const found = new Map<string, string>();
  for (const root of roots) {
    if (!existsSync(root)) continue;
    for (const name of readdirSync(root).sort()) {
      if (!found.has(name) && existsSync(join(root, name, 'model.json'))) found.set(name, join(root, name));
    }
  }
  return [...found].map(([name, folder]) => ({ name, folder }));
}

/**
 * The folder of a model, by its name or by a path (what contains a slash, or starts with a dot).
 * @throws TesseraError `unknown-model`
 */
export function findModel(nameOrPath: string, roots: readonly string[] = modelRoots()): ModelFolder {
  const isPath = /[/\\]/.test(nameOrPath) || nameOrPath.startsWith('.');
  if (isPath) {
    const folder = resolve(nameOrPath);
    if (existsSync(join(folder, 'model.json'))) return { name: basename(folder), folder };
    throw unknown(`the path ${nameOrPath}`, 'a folder that holds a model.json');
  }
  const all = listModelFolders(roots);
  const model = all.find(({ name }) => name === nameOrPath);
  if (model) return model;
  throw unknown(
    `the model ${nameOrPath}`,
    all.length > 0 ? `one of ${all.map(({ name }) => name).join(', ')}, or a path` : 'a path to a model folder',
  );
}

function unknown(got: string, expected: string): TesseraError {
  return new TesseraError({
    code: 'unknown-model',
    who: 'models',
    got,
    expected,
    next: 'List what is there with tessera models, or set TESSERA_MODELS to the folder that holds your models.',
  });
}
