import { mkdir, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Pixels } from '@tessera/core';
import { encodePng, enlarge, tile } from '@tessera/pictures';
import type { ImageSize } from '../data/data-set.ts';

/** Images as one PNG of several columns, each pixel drawn `scale` times as large. */
export async function writeGrid(
  path: string,
  images: readonly Pixels[],
  { columns, scale = 2 }: { columns: number; scale?: number },
): Promise<void> {
  const large = images.map((image) => enlarge(image, image.height * scale, image.width * scale));
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, await encodePng(tile(large, { columns })));
}

/** Several images that lie one after the other, apart. */
export function splitImages(pixels: Float32Array, { height, width, channels }: ImageSize): Pixels[] {
  const size = height * width * channels;
  return Array.from({ length: pixels.length / size }, (_, n) => ({
    data: pixels.subarray(n * size, (n + 1) * size),
    height,
    width,
    channels,
  }));
}

/**
 * Draws rows of images, `most` at most in each, from the first list, each row with the matching one of the second below
 * it: image `i` of both stand in one column, also in a last row that is not full.
 */
export async function writePairs(
  path: string,
  [above, below]: readonly [readonly Pixels[], readonly Pixels[]],
  most: number,
): Promise<void> {
  const columns = Math.min(most, above.length);
  const blank = { ...above[0]!, data: new Float32Array(above[0]!.data.length) };
  const rows: Pixels[] = [];
  for (let start = 0; start < above.length; start += columns) {
    for (const images of [above, below]) {
      rows.push(...Array.from({ length: columns }, (_, column) => images[start + column] ?? blank));
    }
  }
  await writeGrid(path, rows, { columns });
}
