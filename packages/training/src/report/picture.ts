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

/** Rows of `columns` images from the first list, each with the matching row of the second below it. */
export function pairRows(above: readonly Pixels[], below: readonly Pixels[], columns: number): Pixels[] {
  const rows: Pixels[] = [];
  for (let start = 0; start < above.length; start += columns) {
    rows.push(...above.slice(start, start + columns), ...below.slice(start, start + columns));
  }
  return rows;
}
