import * as tf from '@tensorflow/tfjs';
import { beforeAll, describe, expect, it } from 'vitest';
import { squareLayout } from '../fixtures/tiny-model.ts';
import { placesIn } from './positions.ts';

beforeAll(() => tf.setBackend('cpu'));

const trained = squareLayout([1, 2]);
const layout = {
  length: 9,
  scales: [
    { start: 0, height: 1, width: 1 },
    { start: 1, height: 2, width: 4 },
  ],
};
const space = { kind: 'continuous', channels: 1 } as const;

describe('placesIn', () => {
  it('stretches the places of each scale, and leaves those of the trained layout alone', () => {
    tf.tidy(() => {
      const table_nD = tf.tensor2d([7, 0, 1, 10, 11], [5, 1]);
      expect(placesIn({ layout: trained, space }, table_nD)).toBe(table_nD);
      expect([...placesIn({ layout: trained, trained, space }, table_nD).dataSync()]).toEqual([7, 0, 1, 10, 11]);
      const [first, ...second] = placesIn({ layout, trained, space }, table_nD).dataSync();
      expect(first).toBe(7);
      expect(second).toHaveLength(8);
      const [upper, lower] = [second.slice(0, 4), second.slice(4)];
      expect(upper.every((place, i) => i === 0 || place > upper[i - 1]!)).toBe(true);
      for (const [i, place] of lower.entries()) expect(place - upper[i]!).toBeCloseTo(10, 4);
      expect(placesIn({ layout, trained, space }, tf.tensor2d([7], [1, 1])).shape).toEqual([1, 1]);
    });
  });
});
