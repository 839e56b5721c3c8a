import { describe, expect, it } from 'vitest';
import { finishCut, halvings, middlePart, placePixels } from '../mask/cut.ts';
import { WHOLE, type Frame } from '../mask/frame.ts';
import { laid, toFrame, zoomed, FITTED } from './view.ts';

const frame: Frame = { width: 3, height: 1, channels: 1, columns: 3, rows: 1 };
const pixels = (...all: (readonly [number, number, number, number])[]) => Uint8ClampedArray.from(all.flat());
const reds = (rgba: Uint8ClampedArray) => [...rgba].filter((_, at) => at % 4 === 0);

describe('middlePart', () => {
  it('cuts the longer side around its middle', () => {
    expect(middlePart({ width: 200, height: 100 }, { width: 32, height: 32 })).toEqual({
      x: 50,
      y: 0,
      width: 100,
      height: 100,
    });
    expect(middlePart({ width: 30, height: 90 }, { width: 60, height: 60 })).toMatchObject({ y: 30, height: 30 });
  });
});

describe('halvings', () => {
  it('goes down by halves, never below the target', () => {
    const sides = (from: number, to: number) =>
      halvings({ width: from, height: from }, { width: to, height: to }).map(({ width }) => width);
    expect(sides(300, 32)).toEqual([150, 75, 38]);
    expect(sides(32, 32)).toEqual([]);
    expect(sides(1, 1)).toEqual([]);
  });
});

describe('finishCut', () => {
  it('makes gray as the server does, and leaves gray alone', () => {
    const { rgba } = finishCut(pixels([200, 100, 50, 255], [7, 7, 7, 255], [255, 255, 255, 255]), WHOLE, frame);
    expect(reds(rgba)).toEqual([124, 7, 255]);
  });

  it('keeps the colours of a model of colours', () => {
    const { rgba } = finishCut(pixels([1, 2, 3, 255], [4, 5, 6, 255], [7, 8, 9, 255]), WHOLE, {
      ...frame,
      channels: 3,
    });
    expect([...rgba]).toEqual([1, 2, 3, 255, 4, 5, 6, 255, 7, 8, 9, 255]);
  });

  it('continues what is known into what is transparent or around the place', () => {
    const { rgba, unknown } = finishCut(pixels([9, 9, 9, 255], [0, 0, 0, 128], [50, 50, 50, 255]), WHOLE, frame);
    expect([[...unknown], reds(rgba), rgba[7]]).toEqual([[0, 1, 0], [9, 9, 50], 255]);
    const place = { x0: 0, y0: 0, x1: 1 / 3, y1: 1 };
    expect(placePixels(place, frame)).toEqual({ x: 0, y: 0, width: 1, height: 1 });
    const outside = finishCut(pixels([9, 9, 9, 255], [0, 0, 0, 0], [0, 0, 0, 0]), place, frame);
    expect([[...outside.unknown], reds(outside.rgba)]).toEqual([
      [0, 1, 1],
      [9, 9, 9],
    ]);
  });
});

describe('the view', () => {
  const stage = { width: 400, height: 300 };
  const size = { width: 32, height: 32 };

  it('shows small pictures by a whole number, in the middle', () => {
    expect(laid(size, stage, FITTED)).toEqual({ scale: 7, left: 88, top: 38 });
    expect(laid({ width: 1000, height: 1000 }, stage, FITTED).scale).toBeCloseTo(0.24);
  });

  it('zooms around the pointer: what is under it stays under it', () => {
    const at = { x: 123, y: 77 };
    const before = toFrame(at, laid(size, stage, FITTED), size);
    const view = zoomed(FITTED, 3, { at, by: { x: 0, y: 0 }, stage });
    const after = toFrame(at, laid(size, stage, view), size);
    expect([after.x, after.y]).toEqual([expect.closeTo(before.x), expect.closeTo(before.y)]);
    expect(zoomed(view, 0.01, { at, by: { x: 50, y: 0 }, stage })).toEqual(FITTED);
  });
});
