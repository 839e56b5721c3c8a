import { describe, expect, it } from 'vitest';
import { sending, type GenerationState } from '../generation/generation-state.ts';
import { framesOf, pictureAfter, shownAt, shownSide, stopsOf } from './frames.ts';

const step = (index: number) => ({ index, of: 3, positions: [[index]], previews: null, milliseconds: 1 });
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
      { ...step(0), previews: ['a0', null] },
      { ...step(1), previews: ['a1', null] },
      { ...step(2), previews: [null, 'b0'] },
    ];
    expect([0, 1].map((image) => pictureAfter(steps, image))).toEqual(['a1', 'b0']);
    expect(pictureAfter(steps.slice(0, 2), 1)).toBeNull();
    expect(pictureAfter([], 0)).toBeNull();
  });
});
