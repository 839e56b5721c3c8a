import { expect, it } from 'vitest';
import { byteSplit } from '../data/data-set.ts';
import { requireSameClasses } from './comparable-data.ts';
import { nearestNeighbours } from './nearest-neighbours.ts';

it('finds the nearest training image', async () => {
  const pixels = Uint8Array.of(0, 0, 255, 255, 0, 255);
  const split = byteSplit({ pixels, label_N: Int32Array.of(0, 1, 2), image: { height: 1, width: 2, channels: 1 } });
  const found = await nearestNeighbours([Float32Array.of(0.9, 0.9), Float32Array.of(0.1, 1)], split);
  expect([...found.index_N]).toEqual([1, 2]);
  expect(found.distance_N[0]).toBeCloseTo(0.01, 5);
});

it.each([
  [['cat', 'dog'], 'data whose class 0 is dog; expected the order of the model, whose class 0 is cat', ['dog', 'zcat']],
  [['cat', 'dog'], 'data of 3 classes; expected the 2 of the model', ['cat', 'cow', 'dog']],
])('refuses data whose labels mean something else than those of %j', (model, sentence, data) => {
  const refusal = expect.objectContaining({ code: 'classes-differ', message: expect.stringContaining(sentence) });
  expect(() => requireSameClasses(model, data, 'test')).toThrow(refusal);
});

it.each([[['cat', 'dog']], [['cat', 'hound']], [['n02123045', 'n02084071']]])(
  'takes %j for the classes cat and dog',
  (data) => {
    expect(() => requireSameClasses(['cat', 'dog'], data, 'test')).not.toThrow();
  },
);
