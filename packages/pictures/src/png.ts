import type { Pixels } from '@tessera/core';
import { TesseraError } from '@tessera/errors';
import sharp from 'sharp';

/**
 * PNG of an image of one (gray) or three (RGB) channels in [0, 1]. Values are clamped, scaled by 255 and rounded; a
 * value that is not a number is refused, since it would otherwise turn black unnoticed.
 * @throws TesseraError `picture-channels`, `picture-not-finite`
 */
export async function encodePng({ data, height, width, channels }: Pixels): Promise<Buffer> {
  if (channels !== 1 && channels !== 3) {
    throw new TesseraError({
      code: 'picture-channels',
      who: 'encodePng',
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
        who: 'encodePng',
        got: `NaN at element ${i}`,
        expected: 'values in [0, 1]',
        next: 'The model that made this image is broken or untrained: check its weights.',
      });
    }
    bytes[i] = Math.round(Math.min(1, Math.max(0, value)) * 255);
  }
  return sharp(bytes, { raw: { width, height, channels } })
    .toColourspace(channels === 1 ? 'b-w' : 'srgb')
    .png()
    .toBuffer();
}
