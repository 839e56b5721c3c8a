import { describe, expect, it } from 'vitest';
import { operationsOf, readGivenEdit } from '../mask/given-edit.ts';
import { WHOLE } from '../mask/frame.ts';
import { markedBy } from '../mask/mask.ts';
import { fromRuns, readRuns, toRuns } from '../mask/runs.ts';
import { pinched } from './use-drawing.ts';
import { inSight, laid, type View } from './view.ts';

const size = { width: 4, height: 2 };
const mask = Uint8Array.from([1, 1, 0, 0, 0, 0, 0, 1]);

describe('a mask in a file', () => {
  it('comes back as it was', () => {
    expect(toRuns(mask, size)).toEqual({ ...size, runs: [0, 2, 5, 1] });
    for (const one of [mask, new Uint8Array(8), new Uint8Array(8).fill(1)])
      expect(fromRuns(toRuns(one, size), size)).toEqual(one);
  });

  it('is drawn in a frame of another size by what lies under the middle of each pixel', () => {
    const larger = fromRuns(toRuns(mask, size), { width: 8, height: 4 });
    expect([...larger.subarray(0, 8)]).toEqual([1, 1, 1, 1, 0, 0, 0, 0]);
    expect([...fromRuns({ ...size, runs: [4, 4] }, { width: 1, height: 2 })]).toEqual([0, 1]);
  });

  it('is refused where it is none', () => {
    const good = { ...size, runs: [3, 5] };
    expect(readRuns(good)).toEqual(good);
    const bad = [null, 'x', {}, { ...good, runs: [3, 4] }, { ...good, runs: [-1, 9] }, { ...good, runs: ['8'] }];
    for (const one of [...bad, { width: 1e6, height: 1e6, runs: [1e12] }]) expect(readRuns(one)).toBeNull();
    const edit = { ...good, place: WHOLE };
    expect(readGivenEdit(edit)).toEqual(edit);
    for (const place of [null, { ...WHOLE, x1: 2 }, { ...WHOLE, x0: 1 }, { x0: 0 }])
      expect(readGivenEdit({ ...edit, place })).toBeNull();
  });

  it('is what a person could have marked', () => {
    const frame = { ...size, channels: 1, columns: 4, rows: 2 };
    const place = { x0: 0, y0: 0, x1: 0.5, y1: 0.5 };
    const marked = markedBy(operationsOf({ ...toRuns(mask, size), place }), frame);
    expect([marked.mask, marked.place]).toEqual([mask, place]);
    expect(operationsOf({ ...toRuns(mask, size), place: WHOLE }).map(({ kind }) => kind)).toEqual(['mask']);
  });
});

describe('fingers on the stage', () => {
  const stage = { width: 100, height: 100 };
  const at = (...points: [number, number][]) => new Map(points.map(([x, y], id) => [id, { x, y }]));

  it('move it as they move together, and zoom it as they move apart', () => {
    const view: View = { zoom: 2, x: 0, y: 0 };
    const pair = at([40, 50], [60, 50]);
    expect(pinched(view, [pair, at([50, 60], [70, 60])], stage)).toEqual({ zoom: 2, x: 10, y: 10 });
    expect(pinched(view, [pair, at([30, 50], [70, 50])], stage)).toEqual({ zoom: 4, x: 0, y: 0 });
    expect(pinched(view, [at([40, 50]), at([45, 52])], stage)).toEqual({ zoom: 2, x: 5, y: 2 });
    // A finger that was lifted moves nothing.
    expect(pinched(view, [pair, at()], stage)).toBe(view);
  });
});

describe('inSight', () => {
  const stage = { width: 100, height: 100 };
  const view: View = { zoom: 4, x: 0, y: 0 };

  it('moves the view by as much as is missing, and not at all where nothing is', () => {
    const frame = { width: 10, height: 10 };
    const before = laid(frame, stage, view);
    const at = (left: number, top: number) =>
      laid(frame, stage, inSight(view, { left, top, right: left + 20, bottom: top + 20 }, stage));
    expect(inSight(view, { left: 0, top: 80, right: 20, bottom: 100 }, stage)).toBe(view);
    expect([at(-30, 10).left - before.left, at(-30, 10).top - before.top]).toEqual([30, 0]);
    expect([at(90, 95).left - before.left, at(90, 95).top - before.top]).toEqual([-10, -15]);
  });
});
