import type { Stats } from 'node:fs';
import { readdir, readFile, realpath, stat } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { TesseraError } from '@tessera/errors';
import { fitBytes, openOwnPicture, pictureSuffixes } from '@tessera/pictures';
import { holdOut } from './batches.ts';
import { type ByteImages, byteSplit, type DataSet } from './data-set.ts';
import { METADATA, readFolderInputs } from './folder-inputs.ts';

/** A folder of images, with one sub-folder per class. Images directly in the folder are unlabelled. */
interface FolderData {
  readonly path: string;
  /** Pixels per side. The shorter edge is scaled to it, the longer one cropped around its centre. */
  readonly size: number;
  readonly channels: 1 | 3;
  /** Shares of the images held out, each from 0 to 1. */
  readonly validation: number;
  readonly test: number;
  readonly seed: number;
  /** The most images to train on, chosen at random; 0 or left out: all. */
  readonly limit?: number;
  /** Fields of its `metadata.jsonl` that are the inputs of an image; none where it is left out. */
  readonly input?: readonly string[];
}

/**
 * Decodes every image of a folder into memory (`size` squared times channels bytes each), by `fitBytes` of
 * @tessera/pictures.
 * @throws TesseraError what `findImages` and `readFolderInputs` throw, `too-few-images`, `images-broken` naming the first broken files
 */
export async function openImageFolder(data: FolderData): Promise<DataSet> {
  const { found, inputs } = await findTold(data);
  const { classes, files, skipped } = found;
  const images = { ...(await decodeAll(files, data)), ...(inputs && { inputs }) };
  const held = holdOut(files.length, {
    validation: Math.round(files.length * data.validation),
    test: Math.round(files.length * data.test),
    limit: data.limit,
    seed: data.seed,
  });
  if (held.train.length === 0) {
    const next = 'Check the folder, or hold out less.';
    throw new TesseraError({
      code: 'too-few-images',
      who: data.path,
      got: foundSentence(found),
      expected: 'some left to train on',
      next,
    });
  }
  const split = (members: Int32Array) => byteSplit(images, members);
  const { train, validation, test } = held;
  return {
    name: data.path,
    classes,
    image: images.image,
    train: split(train),
    validation: split(validation),
    test: split(test),
    found: foundSentence(found),
    skipped,
  };
}

interface Told {
  readonly found: FoundImages;
  readonly inputs?: ByteImages['inputs'];
}

/** The images of a folder; where inputs are asked for, those that have one. */
async function findTold({ path, input = [] }: FolderData): Promise<Told> {
  const found = await findImages(path);
  if (input.length === 0) return { found };
  const inputs = await readFolderInputs(path, found.files, input);
  const hasOne = (_: unknown, index: number): boolean => inputs[index]!.length > 0;
  const files = found.files.filter(hasOne);
  const silent = found.files.length - files.length;
  const skipped = { ...found.skipped, ...(silent > 0 && { [`without a line in ${METADATA}`]: silent }) };
  return { found: { ...found, files, skipped }, inputs: inputs.filter(hasOne) };
}

/** `1,204 images of 3 classes; skipped 12: 9 .heic, 3 empty`. */
export function foundSentence({ classes, files, skipped }: FoundImages): string {
  const number = (count: number) => count.toLocaleString('en');
  const some = (count: number, one: string, many: string) => `${number(count)} ${count === 1 ? one : many}`;
  const loose = files.filter(({ label }) => label < 0).length;
  const of = classes.length > 0 ? ` of ${some(classes.length, 'class', 'classes')}` : '';
  const unlabelled = loose > 0 ? `, ${number(loose)} of them without a class` : '';
  const kinds = Object.entries(skipped).sort(([a, many], [b, few]) => few - many || (a < b ? -1 : 1));
  const passed = kinds.reduce((sum, [, count]) => sum + count, 0);
  const told = kinds.map(([kind, count]) => `${number(count)} ${kind}`).join(', ');
  return `${some(files.length, 'image', 'images')}${of}${unlabelled}${passed > 0 ? `; skipped ${number(passed)}: ${told}` : ''}`;
}

/** Pictures that are read and decoded at the same time. */
const AT_ONCE = 8;

async function decodeAll(files: readonly FoundImage[], { path, size, channels }: FolderData): Promise<ByteImages> {
  const image = { height: size, width: size, channels };
  const bytes = size * size * channels;
  const pixels = new Uint8Array(files.length * bytes);
  const broken = new Map<number, unknown>();
  const waiting = files.entries();
  const work = async (): Promise<void> => {
    for (const [index, file] of waiting) {
      try {
        const picture = await openOwnPicture(await readFile(file.path), file.path);
        pixels.set(await fitBytes(picture, image, file.path), index * bytes);
      } catch (error) {
        broken.set(index, error);
      }
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  if (broken.size > 0) throw brokenImages(path, { files, broken });
  return { pixels, label_N: Int32Array.from(files, ({ label }) => label), image };
}

interface Broken {
  readonly files: readonly FoundImage[];
  /** By index of the file. */
  readonly broken: ReadonlyMap<number, unknown>;
}

function brokenImages(path: string, { files, broken }: Broken): TesseraError {
  const indices = [...broken.keys()].sort((a, b) => a - b);
  const names = indices.slice(0, 5).map((index) => files[index]!.path);
  const shown = names.join(', ') + (indices.length > 5 ? ` and ${indices.length - 5} more` : '');
  const cause = broken.get(indices[0]!);
  const why = cause instanceof TesseraError ? cause.parts.got : String(cause);
  return new TesseraError({
    code: 'images-broken',
    who: path,
    got: `broken images: ${shown}`,
    expected: 'images that decode',
    next: `Remove or replace ${indices.length === 1 ? 'it' : 'them'}: ${names[0]!} holds ${why}.`,
    cause,
  });
}

/** A picture and its label; -1 without a class. */
interface FoundImage {
  readonly path: string;
  readonly label: number;
}

/** The contents of a folder of images. */
interface FoundImages {
  /** Names of the sub-folders, in the order of their labels. */
  readonly classes: readonly string[];
  readonly files: readonly FoundImage[];
  /** How many entries were skipped, by kind: `.heic`, `empty`, `hidden`. */
  readonly skipped: Readonly<Record<string, number>>;
}

/**
 * Finds the pictures of a folder: those directly in it, then those of each sub-folder, which is a class, and of the folders
 * below it. Names are sorted by UTF-16 code units, in every locale. Links are followed. Hidden entries are skipped.
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

/** What a path leads to, or why it is skipped. */
async function kindOf(path: string, name: string): Promise<Stats | string> {
  if (name.startsWith('.')) return 'hidden';
  if (name === '__MACOSX') return name;
  return stat(path).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === 'ENOENT') return 'broken link';
    if (cause.code === 'ELOOP') throw circle(path, 'itself');
    throw unreadable(path, cause);
  });
}

/** The ending of a name for the summary, in lower case. */
function endingOf(name: string): string {
  const ending = extname(name).toLowerCase();
  return /^\.[a-z0-9_~-]{1,12}$/.test(ending) ? ending : 'of no known kind';
}

const SPLITS = new Set(['train', 'training', 'val', 'valid', 'validation', 'test', 'testing']);

/** Refuses folders of splits with the classes inside. They would become the classes themselves. */
function refuseSplits(path: string, folders: Contents['folders']): void {
  const names = folders.map(({ name }) => name);
  if (names.length < 2 || !names.every((name) => SPLITS.has(name.toLowerCase()))) return;
  throw new TesseraError({
    code: 'classes-are-splits',
    who: path,
    got: `the folders ${names.join(', ')}, which look like splits`,
    expected: 'a folder for each class',
    next: `Set data.path to one of them, ${join(path, names.find((name) => /^train/i.test(name)) ?? names[0]!)}; validation and test images are held out of it by data.validation and data.test.`,
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
    got: code === 'ENOENT' ? 'no such folder' : `a folder that cannot be read (${code})`,
    expected: 'a folder of images',
    next: 'Check data.path in the recipe, and the permissions of the folder.',
    cause,
  });
}
