import { TesseraError } from '@tessera/errors';
import { openNpz, type NpzFile } from '../files/npz.ts';
import { bytesOfNumbers, writeNpz } from '../files/write-npz.ts';
import type { ImageSource } from './image-source.ts';

/** Names of the arrays in the files of the usual evaluators: images, and labels where there are any. */
const [IMAGES, LABELS] = ['arr_0', 'arr_1'];

/**
 * Images of an npz file as evaluators read it: `arr_0`, uint8, `[N, height, width, 3]`, and perhaps labels in `arr_1`. For
 * a gray reference (`channels` 1) colour images count as gray where their three channels are equal.
 * @throws TesseraError `npz-no-images`, `npz-coloured`, and those of `openNpz`
 */
export async function openNpzImages(path: string, channels: number | null): Promise<ImageSource> {
  const file = await openNpz(path);
  try {
    const { type, shape } = await file.header(IMAGES!);
    const [count = 0, height = 0, width = 0, stored = 1] = shape;
    const good = type === '|u1' && (shape.length === 3 || shape.length === 4) && [1, 3].includes(stored) && count > 0;
    if (!good) throw noImages(path, `${type} [${shape.join(', ')}]`);
    const image = { height, width, channels: channels === 1 ? 1 : stored };
    return {
      name: path,
      count,
      image,
      label_N: await labelsOf(file, count),
      batches: batchesOf(path, { ...image, stored }),
    };
  } finally {
    file.close();
  }
}

async function labelsOf(file: NpzFile, count: number): Promise<Int32Array | null> {
  if (!file.names.includes(LABELS!)) return null;
  const { values, shape } = await file.array(LABELS!);
  return shape.length === 1 && values.length === count ? Int32Array.from(values) : null;
}

interface Stored {
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  /** Channels in the file. */
  readonly stored: number;
}

function batchesOf(path: string, { height, width, channels, stored }: Stored): ImageSource['batches'] {
  return async function* batches(size) {
    const file = await openNpz(path);
    try {
      for await (const bytes of file.pieces(IMAGES!, size * height * width * stored)) {
        yield channels === stored ? bytes : grayOf(bytes, path);
      }
    } finally {
      file.close();
    }
  };
}

function grayOf(rgb: Uint8Array, who: string): Uint8Array {
  const gray = new Uint8Array(rgb.length / 3);
  for (let i = 0; i < gray.length; i++) {
    if (rgb[3 * i] !== rgb[3 * i + 1] || rgb[3 * i] !== rgb[3 * i + 2]) throw coloured(who);
    gray[i] = rgb[3 * i]!;
  }
  return gray;
}

/** Images per piece that is written. */
const PIECE = 256;

/**
 * Writes images as the usual evaluators read them: `arr_0`, uint8, `[N, height, width, 3]`. Gray images get three equal
 * channels. Labels become `arr_1`.
 */
export async function saveNpzImages(path: string, images: ImageSource): Promise<void> {
  const { count, image, label_N } = images;
  const pieces: Uint8Array[] = [];
  for await (const bytes of images.batches(PIECE)) pieces.push(bytes);
  await writeNpz(path, [
    {
      name: IMAGES!,
      type: '|u1',
      shape: [count, image.height, image.width, 3],
      pieces: image.channels === 3 ? pieces : threeChannels(pieces),
    },
    ...(label_N ? [{ name: LABELS!, type: '<i4' as const, shape: [count], pieces: [bytesOfNumbers(label_N)] }] : []),
  ]);
}

function* threeChannels(pieces: readonly Uint8Array[]): Generator<Uint8Array> {
  for (const gray of pieces) {
    const rgb = new Uint8Array(3 * gray.length);
    for (const [i, value] of gray.entries()) rgb.fill(value, 3 * i, 3 * i + 3);
    yield rgb;
  }
}

function noImages(who: string, got: string): TesseraError {
  return new TesseraError({
    code: 'npz-no-images',
    who,
    got: `arr_0 of ${got}`,
    expected: 'images: |u1 [N, height, width, 3]',
  });
}

function coloured(who: string): TesseraError {
  return new TesseraError({
    code: 'npz-coloured',
    who,
    got: 'coloured images',
    expected: 'gray ones, since they are compared with gray images',
    next: 'Compare them with colour images.',
  });
}
