import type { Stats } from 'node:fs';
import { readdir, realpath, stat } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { TesseraError } from '@tessera/errors';
import { pictureSuffixes } from '@tessera/pictures';

/** A picture and its class; -1 for none. */
export interface FoundImage {
  readonly path: string;
  readonly label: number;
}

/** What lies in a folder of images. */
export interface FoundImages {
  /** Names of the sub-folders, in the order of their labels. */
  readonly classes: readonly string[];
  readonly files: readonly FoundImage[];
  /** How many entries were passed over, by kind: `.heic`, `empty`, `hidden`. */
  readonly skipped: Readonly<Record<string, number>>;
}

/**
 * Finds the pictures of a folder: loose ones, then those of each sub-folder, which is a class, and of all that lies below
 * it. Names are sorted by their UTF-16 code units, whatever the locale. Links are followed. What is hidden is no class.
 * @throws TesseraError `data-folder-missing`, `data-folder-circle`, `classes-are-splits`
 */
export async function findImages(path: string): Promise<FoundImages> {
  const skipped = new Map<string, number>();
  const skip = (kind: string): void => void skipped.set(kind, (skipped.get(kind) ?? 0) + 1);
  const search: Search = { suffixes: pictureSuffixes(), skip };
  const top = await look({ path, above: [] }, search);
  refuseSplits(path, top.folders);
  const files: FoundImage[] = top.pictures.map((picture) => ({ path: picture, label: -1 }));
  for (const [label, folder] of top.folders.entries()) {
    for (const picture of await allBelow(folder, search)) files.push({ path: picture, label });
  }
  return { classes: top.folders.map(({ name }) => name), files, skipped: Object.fromEntries(skipped) };
}

interface Search {
  readonly suffixes: ReadonlySet<string>;
  readonly skip: (kind: string) => void;
}

interface Folder {
  readonly path: string;
  /** Real paths of the folders that led here. */
  readonly above: readonly string[];
}

/** Paths of its pictures, and its folders, each sorted by name. */
interface Contents {
  readonly pictures: readonly string[];
  readonly folders: readonly (Folder & { readonly name: string })[];
}

async function allBelow(folder: Folder, search: Search): Promise<string[]> {
  const { pictures, folders } = await look(folder, search);
  const all = [...pictures];
  for (const below of folders) for (const picture of await allBelow(below, search)) all.push(picture);
  return all;
}

async function look({ path, above }: Folder, { suffixes, skip }: Search): Promise<Contents> {
  const [own, names] = await Promise.all([realpath(path), readdir(path)]).catch((cause: unknown) => {
    throw unreadable(path, cause);
  });
  if (above.includes(own)) throw circle(path, own);
  const pictures: string[] = [];
  const folders: Contents['folders'][number][] = [];
  const found = await Promise.all(names.sort().map((name) => kindOf(join(path, name), name)));
  for (const [index, entry] of found.entries()) {
    const name = names[index]!;
    const at = join(path, name);
    if (typeof entry === 'string') skip(entry);
    else if (entry.isDirectory()) folders.push({ name, path: at, above: [...above, own] });
    else if (!entry.isFile()) skip('no file');
    else if (!suffixes.has(extname(name).toLowerCase())) skip(endingOf(name));
    else if (entry.size === 0) skip('empty');
    else pictures.push(at);
  }
  return { pictures, folders };
}

/** What a path leads to, or why it is not looked at. */
async function kindOf(path: string, name: string): Promise<Stats | string> {
  if (name.startsWith('.')) return 'hidden';
  if (name === '__MACOSX') return name;
  return stat(path).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === 'ENOENT') return 'broken link';
    if (cause.code === 'ELOOP') throw circle(path, 'itself');
    throw unreadable(path, cause);
  });
}

/** As it is told: short, and of one spelling. */
function endingOf(name: string): string {
  const ending = extname(name).toLowerCase();
  return /^\.[a-z0-9_~-]{1,12}$/.test(ending) ? ending : 'of no known kind';
}

const SPLITS = new Set(['train', 'training', 'val', 'valid', 'validation', 'test', 'testing']);

/** Folders of splits, each with the classes in it, would otherwise become the classes themselves. */
function refuseSplits(path: string, folders: Contents['folders']): void {
  const names = folders.map(({ name }) => name);
  if (names.length < 2 || !names.every((name) => SPLITS.has(name.toLowerCase()))) return;
  throw new TesseraError({
    code: 'classes-are-splits',
    who: path,
    got: `the folders ${names.join(', ')}, which look like splits`,
    expected: 'a folder for each class',
    next: `Let data.path name one of them, ${join(path, names.find((name) => /^train/i.test(name)) ?? names[0]!)}: validation and test images are held out by data.validation and data.test.`,
  });
}

function circle(path: string, to: string): TesseraError {
  return new TesseraError({
    code: 'data-folder-circle',
    who: path,
    got: `a link that leads back to ${to}`,
    expected: 'folders without a circle',
    next: 'Remove the link.',
  });
}

function unreadable(path: string, cause: unknown): TesseraError {
  const { code } = cause as NodeJS.ErrnoException;
  return new TesseraError({
    code: 'data-folder-missing',
    who: path,
    got: code === 'ENOENT' ? 'no such folder' : `nothing that can be read (${code})`,
    expected: 'a folder of images',
    next: 'Check data.path in the recipe, and who may read it.',
    cause,
  });
}
