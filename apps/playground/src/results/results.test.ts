import { describe, expect, it } from 'vitest';
import type { Step } from '../api/operations.ts';
import { sending, type GenerationState } from '../runs/generation-state.ts';
import { cellsIn, partMaps, positionsOf, stepColour } from './order.tsx';
import { announcement, formatTime, sentence } from './progress.tsx';
import { framesOf, pictureAfter, shownAt, shownSide, stopsOf } from './steps.tsx';

const step = (index: number, of = 3): Step => ({
  index,
  of,
  positions: [[index]],
  previews: null,
  sprite: null,
  details: null,
  milliseconds: 10,
});

const after = (count: number, of: number): GenerationState => ({
  ...sending('shapes'),
  status: 'running',
  milliseconds: count * 10,
  steps: Array.from({ length: count }, (_, index) => step(index, of)),
});

describe('sentence', () => {
  it('counts steps and time', () => {
    expect(sentence(after(3, 16))).toBe('Step 3 of 16 · 30 ms');
    expect(sentence({ ...after(16, 16), status: 'completed', images: ['a'] })).toBe('1 image in 160 ms, 16 steps');
    expect(sentence({ ...after(1, 16), status: 'canceled' })).toBe('Canceled after 1 step');
  });
});

describe('announcement', () => {
  it('speaks at most once per quarter', () => {
    const spoken = Array.from({ length: 64 }, (_, index) => announcement(after(index + 1, 64)));
    expect([...new Set(spoken)]).toEqual([
      'Started',
      'Step 16 of 64',
      'Step 32 of 64',
      'Step 48 of 64',
      'Step 64 of 64',
    ]);
  });

  it('never speaks of a step that is still to come', () => {
    for (const of of [1, 2, 3, 5, 7])
      for (let count = 1; count <= of; count++) {
        const step = Number(/Step (\d+)/.exec(announcement(after(count, of)))?.[1] ?? 0);
        expect(step).toBeLessThanOrEqual(count);
      }
  });
});

describe('formatTime', () => {
  it('has about three digits', () => {
    expect([3.14159, 42.4, 1234].map(formatTime)).toEqual(['3.1 ms', '42 ms', '1.23 s']);
  });
});

const running: GenerationState = { ...sending('shapes'), status: 'running', steps: [step(0), step(1)] };
const done: GenerationState = { ...running, status: 'completed', steps: [step(0), step(1), step(2)], images: ['a'] };

describe('shownAt', () => {
  it('follows the newest step, then the finished images', () => {
    expect(shownAt(running, 'newest')).toEqual({ step: 1, finished: false });
    expect(shownAt(done, 'newest')).toEqual({ step: 2, finished: true });
    expect(shownAt(sending(null), 'newest')).toEqual({ step: -1, finished: false });
  });

  it('stays at a step', () => {
    expect(shownAt(running, 0)).toEqual({ step: 0, finished: false });
    expect(shownAt(done, 2)).toEqual({ step: 2, finished: false });
    expect(shownAt(done, 3)).toEqual({ step: 2, finished: true });
  });

  it('has a stop per step and one for the finished images', () => {
    expect([running, done].map(stopsOf)).toEqual([2, 4]);
  });
});

describe('framesOf', () => {
  it('takes every step of few, and some of many, from first to last', () => {
    expect(framesOf(1)).toEqual([0]);
    expect(framesOf(5)).toEqual([0, 1, 2, 3, 4]);
    for (const of of [16, 64, 256]) {
      const frames = framesOf(of);
      expect([frames[0], frames.at(-1), frames.length]).toEqual([0, of - 1, new Set(frames).size]);
      expect(frames.length).toBeLessThanOrEqual(5);
    }
  });
});

describe('shownSide', () => {
  it('enlarges by whole numbers and leaves large pictures alone', () => {
    expect([28, 32, 64, 256, 512].map((side) => shownSide(side, 192))).toEqual([196, 192, 192, 256, 512]);
  });
});

describe('pictureAfter', () => {
  it('is the newest that an image has: steps of another batch have none of it', () => {
    const steps = [
      { ...step(0), previews: [{ url: 'a0' }, null] },
      { ...step(1), previews: [{ url: 'a1' }, null] },
      { ...step(2), previews: [null, { url: 'b0' }] },
    ];
    expect([0, 1].map((image) => pictureAfter(steps, image))).toEqual(['a1', 'b0']);
    expect(pictureAfter(steps.slice(0, 2), 1)).toBeNull();
    expect(pictureAfter([], 0)).toBeNull();
  });
});

const coarse = { start: 0, height: 1, width: 1 };
const middle = { start: 1, height: 2, width: 3 };
const fine = { start: 7, height: 4, width: 2 };

describe('positionsOf', () => {
  it('takes the list of the image, or the one list of all images', () => {
    expect(positionsOf({ ...step(0), positions: [[4, 5], [6]] }, 1)).toEqual([6]);
    expect(positionsOf({ ...step(0), positions: [[4, 5]] }, 1)).toEqual([4, 5]);
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
