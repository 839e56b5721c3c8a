import { describe, expect, it } from 'vitest';
import type { Generation, GenerationEvent } from '../api/operations.ts';
import { isBusy, reduceGeneration, sending, type GenerationState } from './generation-state.ts';

const at = '2026-01-01T00:00:00Z';

const step = (seq: number, index: number): GenerationEvent => ({
  __typename: 'StepEvent',
  seq,
  at,
  index,
  of: 2,
  positions: [[index]],
  given: null,
  previews: [{ id: 'a', url: `/images/${index}.png` }],
  sprite: null,
  details: null,
  milliseconds: 3,
});

const events: GenerationEvent[] = [
  { __typename: 'QueuedEvent', seq: 1, at, position: 1 },
  { __typename: 'StartedEvent', seq: 2, at },
  step(3, 0),
  step(4, 1),
  {
    __typename: 'CompletedEvent',
    seq: 5,
    at,
    images: [{ id: 'a', url: '/images/a.png', width: 8, height: 8, bytes: 99 }],
    timings: { steps: [6], images: [3], total: 9 },
  },
];

const generation: Generation = {
  id: 'x',
  modelName: 'shapes',
  seed: 3,
  guidance: 2,
  options: {},
  size: null,
  layout: null,
  edit: null,
  images: [
    { seed: 3, condition: { __typename: 'ClassCondition', label: 7 } },
    { seed: 4, condition: { __typename: 'NoCondition' } },
  ],
};

function play(state: GenerationState, played: readonly GenerationEvent[]): GenerationState {
  return played.reduce((one, event) => reduceGeneration(one, { type: 'event', event }), state);
}

describe('reduceGeneration', () => {
  const followed = reduceGeneration(sending(null), { type: 'follow', generation });

  it('goes from queued to completed with every step', () => {
    const done = play(followed, events);
    expect(done).toMatchObject({
      status: 'completed',
      model: 'shapes',
      images: ['/images/a.png'],
      milliseconds: 9,
      labels: [7, -1],
    });
    expect(done.steps.map(({ index }) => index)).toEqual([0, 1]);
    expect(isBusy(done)).toBe(false);
  });

  it('adds up the time of the model while it runs', () => {
    expect(play(followed, events.slice(0, 4)).milliseconds).toBe(6);
  });

  it('tells where it stands while it waits, and no longer once it runs', () => {
    const waiting = (position: number): GenerationEvent => ({
      __typename: 'WaitingEvent',
      seq: 1,
      at,
      position,
      millisecondsToStart: 5,
    });
    const waits = play(followed, [events[0]!, waiting(3), waiting(2)]);
    expect([waits.status, waits.ahead, waits.toStart]).toEqual(['queued', 2, 5]);
    expect(play(waits, [events[1]!, waiting(1)]).status).toBe('running');
  });
});
