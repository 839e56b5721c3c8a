import { existsSync, readdirSync, statSync } from 'node:fs';
import { basename, delimiter, dirname, join, resolve } from 'node:path';
import { nearestName } from '@tessera/schema';
import { TesseraError } from '@tessera/errors';

/** A folder that holds a `model.json`. */
export interface ModelFolder {
  readonly name: string;
  readonly folder: string;
}

/**
 * Where models are looked for: the folders of the environment variable TESSERA_MODELS, by the working folder, else
 * `models/` of `from` or of the nearest folder above it that has one.
 * @throws TesseraError `models-missing`
 */
export function modelRoots(from: string = process.cwd()): string[] {
  const listed = process.env['TESSERA_MODELS'];
  if (listed) return listed.split(delimiter).filter(Boolean).map(namedRoot);
  for (let folder = resolve(from); ; folder = dirname(folder)) {
    const models = join(folder, 'models');
    if (isFolder(models)) return [models];
    if (dirname(folder) === folder) return [];
  }
}

function namedRoot(named: string): string {
  const path = resolve(named);
  if (isFolder(path)) return path;
  throw new TesseraError({
    code: 'models-missing',
    who: 'models',
    got: `the folder ${path} in TESSERA_MODELS`,
    expected: 'a folder that is there',
    next: 'Correct TESSERA_MODELS, or make that folder.',
  });
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

/** All model folders under the roots, by name; the first root wins. Hidden ones are none: a model that is being written is. */
export function listModelFolders(roots: readonly string[] = modelRoots()): ModelFolder[] {
  const found = new Map<string, string>();
  for (const root of roots) {
    if (!existsSync(root)) continue;
    for (const name of readdirSync(root).sort()) {
      if (!name.startsWith('.') && !found.has(name) && existsSync(join(root, name, 'model.json')))
        found.set(name, join(root, name));
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
    throw unknown({ got: `the path ${nameOrPath}`, expected: 'a folder that holds a model.json', near: null });
  }
  const all = listModelFolders(roots);
  const model = all.find(({ name }) => name === nameOrPath);
  if (model) return model;
  const names = all.map(({ name }) => name);
  throw unknown({
    got: `the model ${nameOrPath}`,
    expected: names.length > 0 ? `one of ${names.join(', ')}, or a path` : 'a path to a model folder',
    near: nearestName(nameOrPath, names),
  });
}

interface Unknown {
  readonly got: string;
  readonly expected: string;
  /** What was probably meant. */
  readonly near: string | null;
}

function unknown({ got, expected, near }: Unknown): TesseraError {
  const list = 'List what is there with tessera models, or set TESSERA_MODELS to the folder that holds your models.';
  return new TesseraError({
    code: 'unknown-model',
    who: 'models',
    got,
    expected,
    next: near === null ? list : `Did you mean ${near}?`,
  });
}
