import type { Layout } from '@tessera/plugin-kit';

/** How many of the pixels of a row or column lie under each token along that axis, as shares: [tokens, pixels] row-major. */
function sharesOf(tokens: number, pixels: number): number[][] {
  const size = pixels / tokens;
  return Array.from({ length: tokens }, (_, token) => {
    const [start, end] = [token * size, (token + 1) * size];
    return Array.from({ length: pixels }, (_pixel, pixel) => {
      const overlap = Math.min(end, pixel + 1) - Math.max(start, pixel);
      return Math.max(0, overlap) / size;
    });
  });
}

/**
 * What each token of a layout sees of a picture of `side` x `side` pixels, whatever the size of its map: the mean of the pixels
 * under it, each as far as it lies there. [L, side * side]; every row adds up to 1.
 */
export function areaWeights({ scales }: Layout, side: number): number[][] {
  return scales.flatMap(({ height, width }) => {
    const [down, right] = [sharesOf(height, side), sharesOf(width, side)];
    return down.flatMap((rows) => right.map((columns) => rows.flatMap((row) => columns.map((column) => row * column))));
  });
}
