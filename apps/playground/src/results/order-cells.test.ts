import { describe, expect, it } from 'vitest';
import type { Step } from '../api/types.ts';
import { cellsIn, partMaps, positionsOf, stepColour } from './order-cells.ts';

const step = (positions: Step['positions']): Step => ({ index: 0, of: 2, positions, previews: null, milliseconds: 1 });
const coarse = { start: 0, height: 1, width: 1 };
const middle = { start: 1, height: 2, width: 3 };
const fine = { start: 7, height: 4, width: 2 };

describe('positionsOf', () => {
  it('takes the list of the image, or the one list of all images', () => {
    expect(positionsOf(step([[4, 5], [6]]), 1)).toEqual([6]);
    expect(positionsOf(step([[4, 5]]), 1)).toEqual([4, 5]);
  });
});

describe('cellsIn', () => {
  it('finds row and column of the positions in a map', () => {
    expect(cellsIn(middle, [0, 1, 3, 4, 6, 7])).toEqual([
      { position: 1, row: 0, column: 0 },
      { position: 3, row: 0, column: 2 },
      { position: 4, row: 1, column: 0 },
      { position: 6, row: 1, column: 2 },
    ]);
  });

  it('finds every position in exactly one map', () => {
    const all = Array.from({ length: 15 }, (_, position) => position);
    const found = [coarse, middle, fine].flatMap((map) => cellsIn(map, all).map(({ position }) => position));
    expect(found).toEqual(all);
  });
});

describe('partMaps', () => {
  it('lays the map of the most tokens over the picture', () => {
    expect(partMaps([coarse, middle, fine])).toEqual({ over: fine, beside: [coarse, middle] });
    expect(partMaps([middle])).toEqual({ over: middle, beside: [] });
  });
});

describe('stepColour', () => {
  it('grows lighter with every step', () => {
    const lightness = [0, 1, 2, 3].map((index) => Number(/oklch\((\S+)/.exec(stepColour(index, 4))![1]));
    expect(lightness).toEqual([...lightness].sort((a, b) => a - b));
    expect(new Set(lightness).size).toBe(4);
  });

  it('has a colour for a single step', () => {
    expect(stepColour(0, 1)).toBe(stepColour(0, 9));
  });
});
