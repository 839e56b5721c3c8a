import * as tf from '@tensorflow/tfjs';
import type { Tensor2D } from '@tensorflow/tfjs';
import { expect, it } from 'vitest';
import { trace } from '@tessera/engine';
import { lowerInParts } from './lower-graph.ts';

/** Two clusters, a product between them, that differ in a constant. */
function functionsOf(first: number, second: number): number {
  const part = (x: tf.Tensor, limit: number) => tf.exp(tf.minimum(tf.abs(x), limit)) as Tensor2D;
  const inputs = [{ shape: [4, 4], dtype: 'float32' }] as const;
  const graph = trace((x) => [part(tf.matMul(part(x!, first), x as Tensor2D), second)], { name: 'parts', inputs });
  return lowerInParts(graph).functions!.length;
}

it('shares the functions of parts that do the same, down to the last constant', () => {
  expect(functionsOf(3, 3)).toBe(1);
  expect(functionsOf(3, 4)).toBe(2);
  expect(functionsOf(Infinity, -Infinity)).toBe(2);
});
