import { describe, expect, it } from 'vitest';
import type { Model, Step } from '../api/operations.ts';
import { sending, type GenerationState } from './generation-state.ts';
import { placeName, shownAt, stepBy, stopsOf } from './place.ts';
import { announcement, formatTime, imageName, runName, sentence, shortSentence, timeLeft } from './sentences.ts';

const step = (index: number, of = 3): Step => ({
  index,
  of,
  positions: [[index]],
  given: null,
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
    expect(sentence({ ...after(1, 16), status: 'canceled' })).toBe('Stopped after 1 step');
  });

  it('calls failed only what had begun', () => {
    const of = (part: Partial<GenerationState>) => sentence({ ...sending('shapes'), status: 'failed', ...part });
    expect([
      of({ id: 'a', errorCode: 'interrupted' }),
      of({ errorCode: 'field-invalid' }),
      of({ errorCode: 'unreachable' }),
      of({ errorCode: 'unknown-generation' }),
      of({ id: 'a', errorCode: 'generation-deleted' }),
    ]).toEqual(['Failed', 'Not begun', 'No answer', 'Not found here', 'Not found here']);
  });

  it('tells the place in the queue, the time left, and that a model is loaded', () => {
    const queued: GenerationState = { ...sending('shapes'), status: 'queued', ahead: 2, toStart: 4200 };
    expect([sentence(queued), shortSentence(queued)]).toEqual([
      'Queued: 2 ahead, begins in about 4 s',
      '2 ahead, about 4 s',
    ]);
    const slow: GenerationState = { ...after(4, 16), milliseconds: 8000 };
    expect([timeLeft(slow), sentence(slow)]).toEqual([24_000, 'Step 4 of 16 · 8.00 s · about 24 s left']);
    expect(sentence({ ...queued, isLoading: true })).toMatch(/^Loading the model/);
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

it('writes times of about three digits', () => {
  expect([3.14159, 42.4, 1234].map(formatTime)).toEqual(['3.1 ms', '42 ms', '1.23 s']);
});

it('names an image by what it shows and its seed, and a run by what it has', () => {
  const model = {
    title: 'Shapes',
    classes: ['circle', 'star'].map((name, label) => ({ name, label })),
  } as unknown as Model;
  const run = (...given: (number | string)[]): GenerationState => {
    const images = given.map((one, image) => ({
      seed: 7 + image,
      condition:
        typeof one === 'string'
          ? { __typename: 'InputCondition', input: { text: one } }
          : { __typename: 'ClassCondition', label: one },
    }));
    return { ...sending('shapes'), seed: 7, asked: { images } as unknown as GenerationState['asked'] };
  };
  expect(imageName(run(1, 0), model, 1)).toBe('circle, seed 8');
  expect(imageName(run('a red hat'), model, 0)).toBe('a red hat, seed 7');
  expect([run('a hat', 'a hat'), run('a hat', 'a cat')].map((one) => runName(one, model))).toEqual([
    'a hat × 2',
    '2 texts',
  ]);
  expect([run(1), run(1, 1), run(0, 1), run()].map((one) => runName(one, model))).toEqual([
    'star',
    'star × 2',
    '2 classes',
    'Shapes',
  ]);
});

const running: GenerationState = { ...sending('shapes'), status: 'running', steps: [step(0), step(1)] };
const done: GenerationState = { ...running, status: 'completed', steps: [step(0), step(1), step(2)], images: ['a'] };

describe('a place in a run', () => {
  it('follows the newest step, then the finished images', () => {
    expect(shownAt(running, 'newest')).toEqual({ step: 1, finished: false });
    expect(shownAt(done, 'newest')).toEqual({ step: 2, finished: true });
    expect(shownAt(sending(null), 'newest')).toEqual({ step: -1, finished: false });
  });

  it('stays at a step', () => {
    expect(shownAt(running, 0)).toEqual({ step: 0, finished: false });
    expect(shownAt(done, 2)).toEqual({ step: 2, finished: false });
    expect(shownAt(done, 3)).toEqual({ step: 2, finished: true });
    expect([placeName(done, 1), placeName(done, 'newest')]).toEqual(['Step 2 of 3', 'Finished']);
  });

  it('has a stop per step and one for the finished images', () => {
    expect([running, done].map(stopsOf)).toEqual([2, 4]);
    expect([stepBy(done, 'newest', -1), stepBy(done, 0, -1), stepBy(done, 2, 1), stepBy(done, 0, 1)]).toEqual([
      2,
      0,
      'newest',
      1,
    ]);
  });
});
