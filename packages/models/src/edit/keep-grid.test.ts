import { describe, expect, it } from 'vitest';
import { keepGrid } from './keep-grid.ts';

const layout = (height: number, width: number) => ({
  length: 1 + height * width,
  scales: [
    { start: 0, height: 1, width: 1 },
    { start: 1, height, width },
  ],
});

/** Kept tokens of a picture of which these pixels are redrawn. */
function kept(pixels: readonly number[], size: { height: number; width: number }, grid: [number, number]): number[] {
  const repaint = new Uint8Array(size.height * size.width);
  for (const pixel of pixels) repaint[pixel] = 255;
  return [...keepGrid(repaint, size, layout(...grid))];
}

describe('a mask of pixels on the map of tokens', () => {
  const size = { height: 4, width: 6 };

  it('keeps a token only if every pixel under it stays', () => {
    expect(kept([], size, [2, 3])).toEqual([1, 1, 1, 1, 1, 1]);
    expect(kept([0], size, [2, 3])).toEqual([0, 1, 1, 1, 1, 1]);
    expect(kept([7, 23], size, [2, 3])).toEqual([0, 1, 1, 1, 1, 0]);
    expect(kept([...Array(24).keys()], size, [2, 3])).toEqual([0, 0, 0, 0, 0, 0]);
  });

  it('frees both tokens where the border between them cuts through a pixel', () => {
    expect(kept([1], { height: 1, width: 4 }, [1, 3])).toEqual([0, 0, 1]);
    expect(kept([0], { height: 1, width: 2 }, [1, 4])).toEqual([0, 0, 1, 1]);
  });
});
