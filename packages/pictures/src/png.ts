import { promisify } from 'node:util';
import { crc32, deflate, deflateSync } from 'node:zlib';
import type { Pixels } from '@tessera/core';
import { TesseraError } from '@tessera/errors';

/**
 * PNG of an image of one (gray) or three (RGB) channels in [0, 1]. Values are clamped, scaled by 255 and rounded; NaN is
 * refused, since it would turn black unnoticed.
 * @throws TesseraError `picture-channels`, `picture-not-finite`
 */
export async function encodePng(image: Pixels): Promise<Buffer> {
  return pngOf(toBytes(image, 'encodePng'), image);
}

/** Bytes of an image as `encodePng` writes them. @throws TesseraError `picture-channels`, `picture-not-finite` */
export function toBytes({ data, channels }: Pixels, who: string): Uint8Array {
  if (channels !== 1 && channels !== 3) {
    throw new TesseraError({
      code: 'picture-channels',
      who,
      got: `an image of ${channels} channels`,
      expected: '1 (gray) or 3 (RGB)',
    });
  }
  const bytes = new Uint8Array(data.length);
  for (let i = 0; i < data.length; i++) {
    const value = data[i]!;
    if (Number.isNaN(value)) {
      throw new TesseraError({
        code: 'picture-not-finite',
        who,
        got: `NaN at element ${i}`,
        expected: 'values in [0, 1]',
        next: 'The model that made this image is broken or untrained: check its weights.',
      });
    }
    bytes[i] = Math.round(Math.min(1, Math.max(0, value)) * 255);
  }
  return bytes;
}

const compress = promisify(deflate);

/** Fewer bytes are compressed sooner than another thread could be told to. */
const FEW = 1 << 14;

/** PNG of 8 bits a channel (https://www.w3.org/TR/png-3/): every line begins with 0, no filter. */
async function pngOf(bytes: Uint8Array, { height, width, channels }: Omit<Pixels, 'data'>): Promise<Buffer> {
  const line = width * channels;
  const lines = new Uint8Array(height * (line + 1));
  for (let y = 0; y < height; y++) lines.set(bytes.subarray(y * line, (y + 1) * line), y * (line + 1) + 1);
  const header = Buffer.from([0, 0, 0, 0, 0, 0, 0, 0, 8, channels === 1 ? 0 : 2, 0, 0, 0]);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  const data = lines.length <= FEW ? deflateSync(lines) : await compress(lines);
  const signature = Buffer.from('\x89PNG\r\n\x1a\n', 'latin1');
  return Buffer.concat([signature, chunk('IHDR', header), chunk('IDAT', data), chunk('IEND', Buffer.alloc(0))]);
}

function chunk(type: string, data: Buffer): Buffer {
  const whole = Buffer.alloc(data.length + 12);
  whole.writeUInt32BE(data.length, 0);
  whole.write(type, 4, 'latin1');
  whole.set(data, 8);
  whole.writeUInt32BE(crc32(whole.subarray(4, -4)), data.length + 8);
  return whole;
}

interface TileOptions {
  readonly columns: number;
  /** Pixels between images, and around them. */
  readonly gap?: number;
  /** Brightness of the gaps in [0, 1]. */
  readonly ground?: number;
}

/** One image of many of one size, side by side in rows. @throws TesseraError `picture-sizes` */
export function tile(images: readonly Pixels[], { columns, gap = 2, ground = 0.35 }: TileOptions): Pixels {
  const first = images[0];
  const size = (p: Pixels) => `${p.height}x${p.width}x${p.channels}`;
  const other = images.find((image) => first === undefined || size(image) !== size(first));
  if (first === undefined || other !== undefined) {
    throw new TesseraError({
      code: 'picture-sizes',
      who: 'tile',
      got: other === undefined ? 'no image' : `images of ${size(first!)} and ${size(other)}`,
      expected: 'at least one image, all of one size',
    });
  }
  const { height, width, channels } = first;
  const across = Math.min(columns, images.length);
  const rows = Math.ceil(images.length / across);
  const sheet = {
    height: rows * (height + gap) + gap,
    width: across * (width + gap) + gap,
    channels,
    data: new Float32Array((rows * (height + gap) + gap) * (across * (width + gap) + gap) * channels).fill(ground),
  };
  images.forEach((image, i) => {
    const top = gap + Math.floor(i / across) * (height + gap);
    const left = gap + (i % across) * (width + gap);
    for (let y = 0; y < height; y++) {
      const row = image.data.subarray(y * width * channels, (y + 1) * width * channels);
      sheet.data.set(row, ((top + y) * sheet.width + left) * channels);
    }
  });
  return sheet;
}

/** The image with every pixel repeated to fill `height` x `width`: previews are small, and the blocks show at which scale. */
export function enlarge(image: Pixels, height: number, width: number): Pixels {
  const { channels } = image;
  const data = new Float32Array(height * width * channels);
  for (let y = 0; y < height; y++) {
    const fromY = Math.floor((y * image.height) / height);
    for (let x = 0; x < width; x++) {
      const from = (fromY * image.width + Math.floor((x * image.width) / width)) * channels;
      data.set(image.data.subarray(from, from + channels), (y * width + x) * channels);
    }
  }
  return { data, height, width, channels };
}
