import { readdir } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { TesseraError } from '@tessera/errors';
import sharp from 'sharp';
import { byteSplit, type ByteImages } from './byte-split.ts';
import type { DataSet } from './data-set.ts';
import { holdOut } from './hold-out.ts';

/** A folder of images. One sub-folder per class keeps its name; images that lie loose are unlabelled. */
export interface FolderData {
  readonly path: string;
  /** Pixels a side: the shorter edge is scaled to it, the longer one cut at its centre. */
  readonly size: number;
  readonly channels: 1 | 3;
  /** Shares of the images held out, each from 0 to 1. */
  readonly validation: number;
  readonly test: number;
  readonly seed: number;
  /** At most so many images for training, at random; 0 or left out: all. */
  readonly limit?: number;
}

const SUFFIXES = new Set(['.png', '.jpg', '.jpeg', '.webp', '.gif', '.avif', '.tif', '.tiff']);

interface Found {
  readonly path: string;
  readonly label: number;
}

/**
 * Decodes every image of a folder into memory (`size` squared times channels bytes each).
 * @throws TesseraError `data-folder-missing`, `too-few-images`, `images-broken` naming the first broken files.
 */
export async function openImageFolder(data: FolderData): Promise<DataSet> {
  const { classes, files } = await findImages(data.path);
  const images = await decodeAll(files, data);
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
      got: `${files.length} images`,
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
  };
}

async function findImages(path: string): Promise<{ classes: string[]; files: Found[] }> {
  const entries = await readdir(path, { withFileTypes: true }).catch((cause: unknown) => {
    const next = 'Check the path in the recipe.';
    throw new TesseraError({
      code: 'data-folder-missing',
      who: path,
      got: 'no readable folder',
      expected: 'a folder of images',
      next,
      cause,
    });
  });
  const classes = entries
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name)
    .sort();
  const folders = [{ folder: path, label: -1 }, ...classes.map((name, label) => ({ folder: join(path, name), label }))];
  const files: Found[] = [];
  for (const { folder, label } of folders) {
    const names = (await readdir(folder)).filter((name) => SUFFIXES.has(extname(name).toLowerCase())).sort();
    files.push(...names.map((name) => ({ path: join(folder, name), label })));
  }
  return { classes, files };
}

async function decodeAll(files: readonly Found[], { path, size, channels }: FolderData): Promise<ByteImages> {
  const bytes = size * size * channels;
  const pixels = new Uint8Array(files.length * bytes);
  const broken: string[] = [];
  for (const [index, file] of files.entries()) {
    try {
      pixels.set(await decode(file.path, { size, channels }), index * bytes);
    } catch {
      broken.push(file.path);
    }
  }
  if (broken.length > 0) {
    const shown = broken.slice(0, 5).join(', ') + (broken.length > 5 ? ` and ${broken.length - 5} more` : '');
    const next = 'Remove or replace them.';
    throw new TesseraError({
      code: 'images-broken',
      who: path,
      got: `broken images: ${shown}`,
      expected: 'images that decode',
      next,
    });
  }
  return {
    pixels,
    label_N: Int32Array.from(files, ({ label }) => label),
    image: { height: size, width: size, channels },
  };
}

async function decode(path: string, { size, channels }: { size: number; channels: 1 | 3 }): Promise<Uint8Array> {
  const image = sharp(path, { failOn: 'truncated' })
    .flatten({ background: '#ffffff' })
    .resize(size, size, { fit: 'cover', kernel: 'lanczos3' });
  return channels === 1
    ? image.toColourspace('b-w').raw().toBuffer()
    : image.toColourspace('srgb').removeAlpha().raw().toBuffer();
}
