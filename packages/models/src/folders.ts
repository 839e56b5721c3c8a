import { existsSync, readdirSync, statSync } from 'node:fs';
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { basename, delimiter, dirname, join, resolve } from 'node:path';
import { TesseraError } from '@tessera/errors';
import { nearestName, schema } from '@tessera/schema';

/** A folder that holds a `model.json`. */
export interface ModelFolder {
  readonly name: string;
  readonly folder: string;
}

/**
 * Where models are looked for: the folders listed in the environment variable TESSERA_MODELS (relative ones start at the
 * working folder), else `models/` in `from` or in the nearest folder above it that has one.
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
    expected: 'a folder that exists',
    next: 'Correct TESSERA_MODELS, or make that folder.',
  });
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

/** All model folders under the roots, by name; of equal names, the first root's. Hidden folders are models being written. */
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
 * The folder of a model, by its name or by a path (which contains a slash or begins with a dot).
 * @throws TesseraError `unknown-model`
 */
export function findModel(nameOrPath: string, roots: readonly string[] = modelRoots()): ModelFolder {
  const isPath = /[/\\]/.test(nameOrPath) || nameOrPath.startsWith('.');
  if (isPath) {
    const folder = resolve(nameOrPath);
    if (existsSync(join(folder, 'model.json'))) return { name: basename(folder), folder };
    throw new TesseraError({
      code: 'unknown-model',
      who: 'models',
      got: `the path ${nameOrPath}`,
      expected: 'a folder that holds a model.json',
      next: listModels,
    });
  }
  const all = listModelFolders(roots);
  const model = all.find(({ name }) => name === nameOrPath);
  if (model) return model;
  const known = all.map(({ name }) => name);
  const expected = known.length > 0 ? `one of ${known.join(', ')}, or a path` : 'a path to a model folder';
  throw unknownModel(nameOrPath, known, { who: 'models', expected, next: listModels });
}

const listModels = 'List the models with tessera models, or set TESSERA_MODELS to the folder that holds your models.';

/** What an error about a model's name says besides the name. */
interface UnknownModelParts {
  readonly who: string;
  readonly expected?: string;
  /** What to do if no known name is similar. */
  readonly next: string;
}

/** Error `unknown-model`: suggests the most similar of the known names. */
export function unknownModel(name: string, known: readonly string[], parts: UnknownModelParts): TesseraError {
  // A longer text is no mistyped name, and comparing it letter by letter would take long.
  const shown = name.length > 60 ? `${name.slice(0, 60)}...` : name;
  const near = nearestName(shown, known);
  const expected = known.length > 0 ? `one of ${known.join(', ')}` : 'a model, but none is installed';
  return new TesseraError({
    code: 'unknown-model',
    got: `the model ${shown}`,
    expected,
    ...parts,
    next: near === null ? parts.next : `Did you mean ${near}?`,
  });
}

/** Why a folder cannot be written. */
interface FolderTrouble {
  /** `a path that leads through a file` */
  readonly got: string;
  readonly cause?: unknown;
}

/**
 * Why a folder cannot be made or written; null if it can. Leaves nothing behind. Really tries to write, since permissions
 * do not tell: root may write everywhere and still cannot make a folder in /proc.
 */
export async function folderTrouble(folder: string): Promise<FolderTrouble | null> {
  for (let path = resolve(folder); ; path = dirname(path)) {
    const found = await stat(path).catch((error: NodeJS.ErrnoException) => error);
    if (found instanceof Error) {
      if (found.code === 'ENOENT' && dirname(path) !== path) continue; // it can be made if its parent can be written
      return { got: found.code === 'ENOTDIR' ? 'a path that leads through a file' : diskWords(found), cause: found };
    }
    if (!found.isDirectory()) return { got: `${path}, which is a file` };
    return tryToWrite(path);
  }
}

async function tryToWrite(folder: string): Promise<FolderTrouble | null> {
  const refused = (cause: unknown): FolderTrouble => ({
    got: `${folder}, in which nothing can be created (${diskWords(cause)})`,
    cause,
  });
  let trial: string;
  try {
    trial = await mkdtemp(join(folder, '.tessera-'));
  } catch (error) {
    return refused(error);
  }
  try {
    await writeFile(join(trial, 'trial'), new Uint8Array(4096), { flush: true });
    return null;
  } catch (error) {
    return refused(error);
  } finally {
    await rm(trial, { recursive: true, force: true });
  }
}

const words: Readonly<Record<string, string>> = {
  EACCES: 'no permission to write there',
  EPERM: 'no permission to write there',
  EROFS: 'the file system is read-only',
  ENOSPC: 'the disk is full',
  EDQUOT: 'the quota is used up',
};

/** An error of the file system in words. */
export function diskWords(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  return (code !== undefined && words[code]) || message || String(error);
}

/** Longest name in bytes: file systems allow 255, and temporary names are a little longer. */
const longestName = 200;

/** Devices of Windows, with or without an extension. */
const reserved = /^(con|prn|aux|nul|com[0-9]|lpt[0-9])(\.|$)/i;

/**
 * The name of one folder on every operating system. Names of recipes and models come from untrusted files, and must not
 * lead out of the folder that they are joined to.
 */
export const folderName = schema.refine(schema.string(), (name) => {
  const fits =
    name.trim() === name &&
    !/^$|^\.|\.$|[/\\:*?"<>|]|[\p{Cc}\p{Cs}]/u.test(name) &&
    !reserved.test(name) &&
    new TextEncoder().encode(name).length <= longestName;
  return fits
    ? null
    : `the name of one folder on any system, as my-model (without / \\ : * ? " < > | and dots at its ends)`;
});
