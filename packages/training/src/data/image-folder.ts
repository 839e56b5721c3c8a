import { readFile } from 'node:fs/promises';
import { TesseraError } from '@tessera/errors';
import { fitBytes, openOwnPicture } from '@tessera/pictures';
import { byteSplit, type ByteImages } from './byte-split.ts';
import type { DataSet } from './data-set.ts';
import { findImages, type FoundImage, type FoundImages } from './find-images.ts';
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

/**
 * Decodes every image of a folder into memory (`size` squared times channels bytes each), as `fitBytes` of
 * @tessera/pictures sees them.
 * @throws TesseraError what `findImages` throws, `too-few-images`, `images-broken` naming the first broken files
 */
export async function openImageFolder(data: FolderData): Promise<DataSet> {
  const found = await findImages(data.path);
  const { classes, files, skipped } = found;
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

/** Pictures decoded at the same time: reading and decoding overlap. */
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
