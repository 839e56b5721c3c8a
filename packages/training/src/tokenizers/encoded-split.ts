import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Tensor, Tensor4D } from '@tensorflow/tfjs';
import {
  bytesPerElement,
  type Checkpoint,
  openCheckpoint,
  toFloat16Bytes,
  toFloat32,
  writeSafetensors,
} from '@tessera/checkpoints';
import type { Encoding, Tokenizer } from '@tessera/core';
import { tensorFrom } from '@tessera/engine';
import { TesseraError } from '@tessera/errors';
import type { Progress } from '@tessera/progress';
import { augmentationOf, augmentImages, encodingsOf, type Variety } from '../data/augment.ts';
import { flipImages } from '../data/batches.ts';
import type { ImageSize, Split } from '../data/data-set.ts';
import { type Provenance, provenanceText, readProvenance, whyStale } from '../stage/checkpoint.ts';

/** The name of an encoding: indices of a discrete tokenizer, moments of a continuous one. */
type EncodingName = keyof Encoding;

/** The encodings of a split, in memory. */
export interface EncodedSplit {
  /** Images. */
  readonly count: number;
  /** Encodings of every image: as it is, mirrored, varied copies. */
  readonly copies: number;
  readonly label_N: Int32Array;
  readonly name: EncodingName;
  /** Shape of the encoding of one image. */
  readonly shape: readonly number[];
  /** Encodings of these members, row-major; `copy` 0 is the image as it is. */
  read(members: Int32Array, copy?: Uint8Array): Int32Array | Float32Array;
}

interface EncodeOptions {
  readonly path: string;
  /** Digest of the tokenizer's weights and configuration. With another digest, or other images, the split is encoded again. */
  readonly tokenizerDigest: string;
  readonly tokenizer: Tokenizer;
  readonly batch: number;
  /** What to encode of every image besides. Left out: nothing. */
  readonly varied?: Variety & { readonly seed: number };
  readonly progress: (total: number) => Progress;
  /** Called with a sentence that says why a split of an earlier run is encoded again. */
  readonly note?: (sentence: string) => void;
}

/** Encodings as bytes: all images, then all mirrored ones, then all first copies, and so on. */
interface Store {
  readonly name: EncodingName;
  readonly shape: readonly number[];
  readonly dtype: 'int32' | 'float32' | 'float16';
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** Moments that need more bytes than this are kept as float16. Its error is far below the width of the posterior. */
const FLOAT32_LIMIT = 2 ** 28;

/** Encodes a split, or reads the encodings of an earlier run with the same images and the same tokenizer. */
export async function encodedSplit(split: Split, options: EncodeOptions): Promise<EncodedSplit> {
  const { path, varied, tokenizerDigest, note } = options;
  const provenance = {
    tokenizer: tokenizerDigest,
    images: await split.digest(),
    'mirrored copies': String(varied?.flips ?? false),
    ...(varied && varied.copies > 0 && { 'varied copies': JSON.stringify(varied) }),
  };
  const held = await readStore(path, provenance);
  if (typeof held === 'string') note?.(`${path} is encoded again: ${held}.`);
  const found = typeof held === 'object' ? held : null;
  const store = found ?? (await encodeAll(split, options));
  if (!found) await writeStore(path, store, provenance);
  return openStore(store, split, { copies: varied ? encodingsOf(varied) : 1, path });
}

function openStore(
  { name, shape, dtype, bytes }: Store,
  { count, label_N }: Split,
  { copies, path }: { readonly copies: number; readonly path: string },
): EncodedSplit {
  const size = bytes.length / (count * copies);
  return {
    count,
    copies,
    label_N,
    name,
    shape,
    read(members, copy) {
      const out = new Uint8Array(members.length * size);
      for (const [slot, member] of members.entries()) {
        const from = ((copy?.[slot] ?? 0) * count + member) * size;
        out.set(bytes.subarray(from, from + size), slot * size);
      }
      return dtype === 'int32' ? new Int32Array(out.buffer) : toFloat32(out, dtype, { who: path, name });
    },
  };
}

async function encodeAll(split: Split, options: EncodeOptions): Promise<Store> {
  const { path, tokenizer, batch, varied, progress } = options;
  const images = split.count * (varied ? encodingsOf(varied) : 1);
  const bar = progress(images);
  bar.begin(`${images} images`);
  let store: Store | null = null;
  for (let start = 0; start < images;) {
    const first = start % split.count;
    const members = Int32Array.from({ length: Math.min(batch, split.count - first) }, (_, i) => first + i);
    const pixels = await split.read(members);
    const image = variant(pixels, tokenizer.image, { copy: Math.floor(start / split.count), start, varied });
    const { name, shape, values } = await encodeImages(tokenizer, image, members.length);
    store ??= emptyStore({ name, shape, images });
    const bytes =
      store.dtype === 'float16' ? toFloat16Bytes(values as Float32Array, { who: path, name }) : bytesOf(values);
    store.bytes.set(bytes, start * sizeOf(store));
    start += members.length;
    bar.update(start, 'encoding');
  }
  bar.end();
  return store!;
}

/** Some images as they are, mirrored, or varied by random numbers that belong to their place in the file. */
function variant(
  pixels: Float32Array,
  image: ImageSize,
  { copy, start, varied }: { copy: number; start: number; varied: EncodeOptions['varied'] },
): Float32Array {
  if (copy === 0 || !varied) return pixels;
  if (copy === 1 && varied.flips) return flipImages(pixels, image);
  return augmentImages(pixels, image, { ...augmentationOf(varied), key: { seed: varied.seed, number: start } });
}

/** Encodes a batch of images. Returns the values, and the name and shape of one image's encoding. */
export async function encodeImages(tokenizer: Tokenizer, pixels: Float32Array, count: number) {
  const { height, width, channels } = tokenizer.image;
  const image_BHWC = tensorFrom(pixels, [count, height, width, channels]) as Tensor4D;
  const encoding = await tokenizer.encode(image_BHWC);
  image_BHWC.dispose();
  const [name, tensor] = Object.entries(encoding)[0] as [EncodingName, Tensor];
  const shape = tensor.shape.slice(1);
  const values = (await tensor.data()) as Int32Array | Float32Array;
  tensor.dispose();
  return { name, shape, values };
}

function emptyStore({ name, shape, images }: { name: EncodingName; shape: readonly number[]; images: number }): Store {
  const numbers = images * shape.reduce((product, side) => product * side, 1);
  const floats = 4 * numbers > FLOAT32_LIMIT ? 'float16' : 'float32';
  const dtype = name === 'index_BL' ? 'int32' : floats;
  return { name, shape, dtype, bytes: new Uint8Array(numbers * bytesPerElement(dtype)) };
}

/** Bytes of one image's encoding. */
function sizeOf({ shape, dtype }: Store): number {
  return shape.reduce((product, side) => product * side, bytesPerElement(dtype));
}

function bytesOf(values: Int32Array | Float32Array): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}

/** Reads the encodings of an earlier run. Returns a reason if they cannot be used, and null if there are none. */
async function readStore(path: string, provenance: Provenance): Promise<Store | string | null> {
  if (!existsSync(path)) return null;
  try {
    const file = await openCheckpoint(path);
    try {
      return whyStale(readProvenance(file.values), provenance) ?? (await storeOf(file));
    } finally {
      await file.close();
    }
  } catch (error) {
    if (!(error instanceof TesseraError)) throw error;
    return `it cannot be read (${error.parts.got})`;
  }
}

async function storeOf(file: Checkpoint): Promise<Store | string> {
  const tensor = [...file.tensors.values()][0];
  if (!tensor) return 'it is empty';
  const { name, shape, dtype } = tensor;
  const bytes = await file.read(name);
  return { name: name as EncodingName, shape: shape.slice(1), dtype: dtype as Store['dtype'], bytes };
}

async function writeStore(path: string, store: Store, provenance: Provenance): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const { name, dtype, bytes } = store;
  const shape = [bytes.length / sizeOf(store), ...store.shape];
  await writeSafetensors(path, [{ name, dtype, shape, bytes: () => bytes }], { madeOf: provenanceText(provenance) });
}
