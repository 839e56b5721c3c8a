import type { Layout, Tokenizer } from '@tessera/core';

/**
 * A mask of pixels to make anew, brought to the finest map of tokens: 1 where the token stays. It stays only if every
 * pixel under it does.
 */
export function keepGrid(
  repaint: Uint8Array,
  image: Pick<Tokenizer['image'], 'height' | 'width'>,
  { scales }: Layout,
): Uint8Array {
  const grid = scales.at(-1)!;
  const keep = new Uint8Array(grid.height * grid.width).fill(1);
  const rows = tokensOver(image.height, grid.height);
  const columns = tokensOver(image.width, grid.width);
  for (const [pixel, anew] of repaint.entries()) {
    if (!anew) continue;
    for (const row of rows(Math.floor(pixel / image.width))) {
      for (const column of columns(pixel % image.width)) keep[row * grid.width + column] = 0;
    }
  }
  return keep;
}

/** The tokens whose patch covers a pixel, along one axis: two where the border between them cuts through it. */
function tokensOver(pixels: number, tokens: number): (at: number) => readonly number[] {
  return (at) => {
    const first = Math.floor((at * tokens) / pixels);
    const last = Math.ceil(((at + 1) * tokens) / pixels) - 1;
    return Array.from({ length: last - first + 1 }, (_, i) => first + i);
  };
}
