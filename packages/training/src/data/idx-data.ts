import { TesseraError } from '@tessera/errors';
import { byteSplit, type ByteImages } from './byte-split.ts';
import type { DataSet } from './data-set.ts';
import { holdOut } from './hold-out.ts';
import { readIdx } from './idx.ts';
import { padToSquare } from './pad.ts';

/** Where the four files of an MNIST-like data set lie, and what becomes of them. */
export interface IdxData {
  readonly name: string;
  readonly train: { readonly images: string; readonly labels: string };
  readonly test: { readonly images: string; readonly labels: string };
  /** Images are padded with black to this many pixels a side. */
  readonly size: number;
  /** How many training images are held out for validation. */
  readonly validation: number;
  readonly seed: number;
  /** At most so many images for training, the first of the file; 0 or left out: all. */
  readonly limit?: number;
  /** Left out: `0`, `1`, ... */
  readonly classes?: readonly string[];
}

/**
 * Opens IDX files of gray images and labels, gzipped or not.
 * @throws TesseraError `data-file-missing`, `idx-malformed`, `idx-shapes-differ`, `image-too-large`, `too-few-images`.
 */
export async function openIdx(data: IdxData): Promise<DataSet> {
  const [train, test] = await Promise.all([readPair(data.train, data.size), readPair(data.test, data.size)]);
  const count = train.label_N.length;
  if (data.validation >= count) {
    const got = `${count} training images`;
    const expected = `more than the ${data.validation} held out for validation`;
    throw new TesseraError({ code: 'too-few-images', who: data.train.images, got, expected });
  }
  const held = holdOut(count, { validation: data.validation, test: 0, seed: data.seed });
  const labels = 1 + train.label_N.reduce((most, label) => Math.max(most, label), 0);
  return {
    name: data.name,
    classes: data.classes ?? Array.from({ length: labels }, (_, label) => String(label)),
    image: train.image,
    train: byteSplit(train, held.train.slice(0, data.limit || undefined)),
    validation: byteSplit(train, held.validation),
    test: byteSplit(test),
  };
}

async function readPair(files: { images: string; labels: string }, size: number): Promise<ByteImages> {
  const [images, labels] = await Promise.all([readIdx(files.images), readIdx(files.labels)]);
  const [count, height, width] = images.dims;
  if (images.dims.length !== 3 || labels.dims.length !== 1 || labels.dims[0] !== count) {
    const got = `images [${images.dims.join(', ')}] and labels [${labels.dims.join(', ')}]`;
    const next = 'Check that images and labels belong together.';
    throw new TesseraError({
      code: 'idx-shapes-differ',
      who: files.images,
      got,
      expected: '[N, height, width] and [N]',
      next,
    });
  }
  const pixels = padToSquare(images.data, { height: height!, width: width!, size, who: files.images });
  return { pixels, label_N: Int32Array.from(labels.data), image: { height: size, width: size, channels: 1 } };
}
