import { describe, expect, it } from 'vitest';
import { sending, type GenerationState } from '../generation/generation-state.ts';
import { announcement, formatTime, sentence } from './format.ts';

const after = (count: number, of: number): GenerationState => ({
  ...sending('shapes'),
  status: 'running',
  milliseconds: count * 10,
  steps: Array.from({ length: count }, (_, index) => ({
    index,
    of,
    positions: [[index]],
    previews: null,
    milliseconds: 10,
  })),
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
