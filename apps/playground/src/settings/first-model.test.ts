import { expect, it } from 'vitest';
import { firstModel, stepsOf } from './first-model.ts';
import { shapes } from './shapes.fixture.ts';

const sets = (steps: number) => ({
  stride: 'set',
  options: { properties: { steps: { type: 'integer', default: steps } } },
});

it('is the one with the largest pictures, and of these that of the fewest steps', () => {
  const slow = { ...shapes, ...sets(64), name: 'slow' };
  const gray = { ...shapes, name: 'gray', image: { ...shapes.image, channels: 1 } };
  const unknown = { ...shapes, name: 'unknown', stride: 'set', options: {} };
  expect([gray, slow, unknown, shapes].map(stepsOf)).toEqual([2, 64, null, 2]);
  expect(firstModel([gray, slow, unknown, shapes]).name).toBe('shapes');
  expect(firstModel([gray, unknown, slow]).name).toBe('slow');
  expect(firstModel([gray]).name).toBe('gray');
});
