import { describe, expect, it } from 'vitest';
import { freedTokens, frameOf, WHOLE, type Frame } from './frame.ts';
import {
  add,
  apply,
  done,
  emptyHistory,
  extended,
  isWhole,
  markedBy,
  nothingMarked,
  redo,
  redrawn,
  undo,
  wholePlace,
  type Operation,
} from './mask.ts';

/** 8 x 8 pixels under 4 x 4 tokens. */
const frame: Frame = { width: 8, height: 8, channels: 1, columns: 4, rows: 4 };
/** Rows of a mask as text: # is redrawn. */
const rows = (mask: Uint8Array, { width }: Pick<Frame, 'width'> = frame) =>
  Array.from({ length: mask.length / width }, (_, row) =>
    [...mask.subarray(row * width, (row + 1) * width)].map((one) => (one ? '#' : '.')).join(''),
  );
const rectangle = (x0: number, y0: number, x1: number, y1: number, more: object = {}): Operation => ({
  kind: 'rectangle',
  from: { x: x0, y: y0 },
  to: { x: x1, y: y1 },
  marks: true,
  whole: false,
  ...more,
});
const maskOf = (...operations: Operation[]) => rows(markedBy(operations, frame).mask);

describe('frameOf', () => {
  it('takes the finest map of tokens', () => {
    const layout = [
      { start: 0, height: 1, width: 1 },
      { start: 1, height: 4, width: 6 },
    ];
    const image = { height: 32, width: 48, channels: 3 };
    expect(frameOf({ image, layout })).toEqual({ width: 48, height: 32, channels: 3, columns: 6, rows: 4 });
  });
});

describe('freedTokens', () => {
  it('frees a token by one of its pixels', () => {
    const { mask } = markedBy([rectangle(3 / 8, 0, 4 / 8, 1 / 8)], frame);
    expect(rows(freedTokens(mask, frame), { width: 4 })).toEqual(['.#..', '....', '....', '....']);
  });

  it('frees both tokens where the border between them cuts through a pixel', () => {
    const odd = { ...frame, width: 5, height: 1, columns: 2, rows: 1 };
    expect([...freedTokens(Uint8Array.of(0, 0, 1, 0, 0), odd)]).toEqual([1, 1]);
    expect([...freedTokens(Uint8Array.of(0, 1, 0, 0, 0), odd)]).toEqual([1, 0]);
  });
});

describe('apply', () => {
  it('marks a rectangle in whichever direction it is drawn, and takes it away', () => {
    const drawn = ['........', '..##....', '..##....', ...Array(5).fill('........')];
    expect(maskOf(rectangle(2 / 8, 1 / 8, 4 / 8, 3 / 8))).toEqual(drawn);
    expect(maskOf(rectangle(4 / 8, 3 / 8, 2 / 8, 1 / 8))).toEqual(drawn);
    const erased = maskOf(rectangle(2 / 8, 1 / 8, 4 / 8, 3 / 8), rectangle(0, 0, 3 / 8, 1, { marks: false }));
    expect(erased.slice(0, 3)).toEqual(['........', '...#....', '...#....']);
  });

  it('takes whole tokens: those that are half covered, and always the one that was pressed', () => {
    expect(maskOf(rectangle(1 / 8, 0, 5 / 8, 2 / 8, { whole: true })).slice(0, 3)).toEqual([
      '######..',
      '######..',
      '........',
    ]);
    const tap = { kind: 'stroke', points: [{ x: 0.9, y: 0.9 }], breadth: 0, marks: true, whole: true } as const;
    expect(maskOf(tap).slice(5)).toEqual(['........', '......##', '......##']);
    const points = [
      { x: 0.1, y: 0.1 },
      { x: 0.9, y: 0.1 },
    ];
    expect(maskOf({ ...tap, points })[0]).toBe('########');
  });

  it('draws a line without gaps, however far apart its points are, and never nothing', () => {
    const line: Operation = {
      kind: 'stroke',
      points: [
        { x: 0.05, y: 0.55 },
        { x: 0.95, y: 0.55 },
      ],
      breadth: 0.01,
      marks: true,
      whole: false,
    };
    expect(maskOf(line)[4]).toBe('########');
    expect(maskOf({ ...line, points: [{ x: 0.5, y: 0.5 }] }).join('')).toContain('#');
    expect(maskOf({ ...line, points: [{ x: -3, y: 7 }] }).join('')).not.toContain('#');
  });

  it('marks what a closed line goes around', () => {
    const lasso: Operation = {
      kind: 'lasso',
      points: [
        { x: 0, y: 0 },
        { x: 1, y: 0 },
        { x: 0, y: 1 },
      ],
      marks: true,
      whole: false,
    };
    expect(maskOf(lasso).map((row) => row.lastIndexOf('#') + 1)).toEqual([7, 6, 5, 4, 3, 2, 1, 0]);
  });

  it('inverts and clears', () => {
    expect(maskOf(rectangle(0, 0, 0.5, 1), { kind: 'invert' })[0]).toBe('....####');
    expect(maskOf(rectangle(0, 0, 0.5, 1), { kind: 'clear' }).join('')).not.toContain('#');
  });

  it('means the same for a model of another size', () => {
    const large = { ...frame, width: 64, height: 64 };
    const { mask } = markedBy([rectangle(0, 0, 0.5, 0.5)], large);
    expect(mask.reduce((sum, one) => sum + one, 0)).toBe(32 * 32);
  });

  it('takes marks along when the picture is moved, and redraws what is not known', () => {
    const place = extended(WHOLE, 'right', 1 / 3);
    const moved = apply(markedBy([rectangle(0, 0, 0.5, 1)], frame), { kind: 'place', place }, frame);
    expect(moved.place).toEqual({ x0: 0, x1: 0.75, y0: 0.25, y1: 1 });
    expect(rows(moved.mask).slice(1, 4)).toEqual(['........', '###.....', '###.....']);
    expect(rows(redrawn(nothingMarked(frame), Uint8Array.of(...Array(63).fill(0), 1)))[7]).toBe('.......#');
  });
});

describe('extended', () => {
  it('shrinks the picture towards the other edge, and not below a quarter', () => {
    expect(extended(WHOLE, 'left', 1)).toEqual({ x0: 0.5, x1: 1, y0: 0.25, y1: 0.75 });
    expect(extended(WHOLE, 'bottom', 1)).toEqual({ x0: 0.25, x1: 0.75, y0: 0, y1: 0.5 });
    expect(extended(extended(WHOLE, 'top', 1), 'top', 99)).toEqual({ x0: 0.375, x1: 0.625, y0: 0.75, y1: 1 });
    expect(extended(WHOLE, 'left', -1)).toEqual(WHOLE);
  });
});

describe('History', () => {
  it('takes back and repeats, and forgets what was taken back when something else is done', () => {
    const [one, two, three] = ['invert', 'clear', 'invert'].map((kind) => ({ kind }) as Operation) as [
      Operation,
      Operation,
      Operation,
    ];
    const both = add(add(emptyHistory, one), two);
    expect(done(undo(both))).toEqual([one]);
    expect(done(redo(undo(both)))).toEqual([one, two]);
    expect(done(redo(both))).toEqual([one, two]);
    expect(done(undo(undo(undo(both))))).toEqual([]);
    expect(done(redo(add(undo(both), three)))).toEqual([one, three]);
  });
});

describe('wholePlace', () => {
  it('has room for all of a picture, between tokens', () => {
    expect(wholePlace({ width: 200, height: 100 }, frame)).toEqual({ x0: 0, x1: 1, y0: 0.25, y1: 0.75 });
    expect(isWhole(wholePlace({ width: 301, height: 300 }, frame))).toBe(true);
    expect(isWhole(wholePlace({ width: 1, height: 9 }, frame))).toBe(false);
  });
});
