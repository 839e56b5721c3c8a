import sharp from 'sharp';
import type { Pixels } from '@tessera/core';
import { TesseraError } from '@tessera/errors';
import { toBytes } from './png.ts';

/** A picture of an animation, and how long it is shown. */
export interface Frame {
  readonly pixels: Pixels;
  readonly milliseconds: number;
}

/**
 * Animated WebP without loss, repeated for ever, of pictures of one size with values in [0, 1].
 * @throws TesseraError `picture-sizes`, and those of `encodePng`
 */
export async function encodeAnimation(frames: readonly Frame[]): Promise<Buffer> {
  const sizes = new Set(frames.map(({ pixels: { height, width, channels } }) => `${height}x${width}x${channels}`));
  if (sizes.size !== 1) {
    throw new TesseraError({
      code: 'picture-sizes',
      who: 'encodeAnimation',
      got: sizes.size === 0 ? 'no frame' : `frames of ${[...sizes].join(' and ')}`,
      expected: 'at least one frame, all of one size',
    });
  }
  const { height, width, channels } = frames[0]!.pixels;
  const bytes = Buffer.concat(frames.map(({ pixels }) => toBytes(pixels, 'encodeAnimation')));
  const raw = { width, height: height * frames.length, channels: channels as 1 | 3, pageHeight: height };
  const delay = frames.map(({ milliseconds }) => milliseconds);
  return sharp(bytes, { raw }).webp({ lossless: true, loop: 0, delay }).toBuffer();
}
