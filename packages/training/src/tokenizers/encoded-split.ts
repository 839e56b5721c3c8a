import type { Tensor, Tensor4D } from '@tensorflow/tfjs';
import { toFloat16Bytes, toFloat32 } from '@tessera/checkpoints';
import type { Tokenizer } from '@tessera/core';
import { tensorFrom } from '@tessera/engine';
import { TesseraError } from '@tessera/errors';
import type { Progress } from '@tessera/progress';
import { augmentationOf, augmentImages, encodingsOf, type Variety } from '../data/augment.ts';
import { flipImages } from '../data/batches.ts';
import type { Shown } from '../data/conditions.ts';
import type { ImageSize, Split } from '../data/data-set.ts';
import type { Provenance } from '../stage/checkpoint.ts';
import {
  bytesOfRow,
  type EncodingForm,
  type EncodingName,
  type Encodings,
  MEMORY_LIMIT,
  openEncodings,
  writeEncodings,
} from './encoding-file.ts';

/** The encodings of a split: in memory, or in their file where they are many. */
export interface EncodedSplit extends Shown {
  /** Images. */
  readonly count: number;
  /** Encodings of every image: as it is, mirrored, varied copies. */
  readonly copies: number;
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
  /** Bytes of encodings that are held in memory at most; those of a larger split are read from their file. */
  readonly memoryLimit?: number;
  /** Bytes that are encoded before they are written. */
  readonly part?: number;
}

/** Moments that need more bytes than this are kept as float16. Its error is far below the width of the posterior. */
const FLOAT32_LIMIT = 2 ** 28;

/** Encodes a split, or opens the encodings of an earlier run with the same images and the same tokenizer. */
export async function encodedSplit(split: Split, options: EncodeOptions): Promise<EncodedSplit> {
  const { path, varied, tokenizerDigest, note, memoryLimit = MEMORY_LIMIT } = options;
  const provenance = {
    tokenizer: tokenizerDigest,
    images: await split.digest(),
    'mirrored copies': String(varied?.flips ?? false),
    ...(varied && varied.copies > 0 && { 'varied copies': JSON.stringify(varied) }),
  };
  const held = await openEncodings(path, provenance, memoryLimit);
  if (typeof held === 'string') note?.(`${path} is encoded again: ${held}.`);
  if (held && typeof held === 'object') return splitOf(held, split, path);
  await encodeAll(split, options, provenance);
  const made = await openEncodings(path, provenance, memoryLimit);
  if (made && typeof made === 'object') return splitOf(made, split, path);
  throw new TesseraError({
    code: 'encodings-lost',
    who: path,
    got: made ?? 'no file',
    expected: 'what was written there',
  });
}

function splitOf(encodings: Encodings, { count, label_N, inputs }: Split, path: string): EncodedSplit {
  const { name, shape, dtype } = encodings;
  return {
    count,
    copies: encodings.count / count,
    label_N,
    ...(inputs && { inputs }),
    name,
    shape,
    read(members, copy) {
      const bytes = encodings.read(members.map((member, slot) => (copy?.[slot] ?? 0) * count + member));
      return dtype === 'int32' ? new Int32Array(bytes.buffer) : toFloat32(bytes, dtype, { who: path, name });
    },
  };
}

/** Encodes all images, then all mirrored ones, then all first copies, and so on. */
async function encodeAll(split: Split, options: EncodeOptions, provenance: Provenance): Promise<void> {
  const { path, tokenizer, varied, progress, part } = options;
  const count = split.count * (varied ? encodingsOf(varied) : 1);
  const bar = progress(count);
  bar.begin(`${count} images`);
  const { name, shape } = await encodeImages(tokenizer, await split.read(Int32Array.of(0)), 1);
  const form = formOf({ name, shape, count });
  await writeEncodings(path, {
    form,
    count,
    provenance,
    ...(part !== undefined && { part }),
    encode: (start, rows) =>
      encodeRows(split, options, { form, start, end: start + rows, done: (row) => bar.update(row, 'encoding') }),
  });
  bar.end();
}

interface Rows {
  readonly form: EncodingForm;
  readonly start: number;
  readonly end: number;
  readonly done: (row: number) => void;
}

async function encodeRows(split: Split, options: EncodeOptions, { form, start, end, done }: Rows): Promise<Uint8Array> {
  const { path, tokenizer, batch, varied } = options;
  const size = bytesOfRow(form);
  const out = new Uint8Array((end - start) * size);
  for (let row = start; row < end;) {
    const first = row % split.count;
    const length = Math.min(batch, split.count - first, end - row);
    const pixels = await split.read(Int32Array.from({ length }, (_, i) => first + i));
    const image = variant(pixels, tokenizer.image, { copy: Math.floor(row / split.count), start: row, varied });
    const { name, values } = await encodeImages(tokenizer, image, length);
    const half = form.dtype === 'float16';
    out.set(half ? toFloat16Bytes(values as Float32Array, { who: path, name }) : bytesOf(values), (row - start) * size);
    row += length;
    done(row);
  }
  return out;
}

function formOf({ name, shape, count }: Omit<EncodingForm, 'dtype'> & { readonly count: number }): EncodingForm {
  const float32 = bytesOfRow({ name, shape, dtype: 'float32' });
  const floats = count * float32 > FLOAT32_LIMIT ? 'float16' : 'float32';
  return { name, shape, dtype: name === 'index_BL' ? 'int32' : floats };
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

function bytesOf(values: Int32Array | Float32Array): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}
