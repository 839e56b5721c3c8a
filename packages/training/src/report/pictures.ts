import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Pixels } from '@tessera/core';
import { encodePng, enlarge, tile } from '@tessera/pictures';
import type { DataSet, ImageSize } from '../data/data-set.ts';

/** Writes images as one PNG grid, each pixel drawn `scale` times as large. */
export async function writeGrid(
  path: string,
  images: readonly Pixels[],
  { columns, scale = 2 }: { columns: number; scale?: number },
): Promise<void> {
  const large = images.map((image) => enlarge(image, image.height * scale, image.width * scale));
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, await encodePng(tile(large, { columns })));
}

/** Splits a batch of images into single ones. The pixels are shared, not copied. */
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
 * Draws rows of at most `most` images of the first list, each row above the matching row of the second list. Image `i` of
 * both lists is in the same column, also in a last row that is not full.
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

const COLUMNS = 8;

/** Draws rows of images, each above its reconstructions after so many steps. */
export async function drawReconstructions(
  { data, out }: { readonly data: Pick<DataSet, 'image'>; readonly out: string },
  { real, made }: { readonly real: Float32Array; readonly made: Float32Array },
  steps: number,
): Promise<void> {
  const pairs = [splitImages(real, data.image), splitImages(made, data.image)] as const;
  await writePairs(join(out, 'pictures', reconstructionName(steps)), pairs, COLUMNS);
}

/** The file name of the reconstructions after so many steps. */
export function reconstructionName(steps: number): string {
  return `tokenizer-${String(steps).padStart(6, '0')}.png`;
}
