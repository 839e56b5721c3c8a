import * as tf from '@tensorflow/tfjs';
import type { HeadPlugin } from '@tessera/core';
import { createEngine } from '@tessera/targets';
import { categoricalHead } from '@tessera/head-categorical';
import { afterAll, describe, expect, it } from 'vitest';
import { recipeSchema } from '../recipe/recipe.ts';
import { microRecipe } from '../testing/micro.fixture.ts';
import { partsOf, tryBuilding } from './recipe-parts.ts';

const engine = createEngine();
afterAll(() => engine.dispose());

function attempt(head: HeadPlugin): () => void {
  const model = { ...microRecipe.model, head: { plugin: head.name, config: {} } };
  const parts = partsOf(recipeSchema.parse({ ...microRecipe, model }, 'micro'), { heads: [head] });
  return () => tryBuilding(engine, parts);
}

describe('parts that a recipe is to train', () => {
  it.each([
    [
      'part-failed',
      'kaboom',
      {
        build: () => {
          throw new Error('kaboom');
        },
      },
    ],
    ['part-shape', 'without sample', { build: () => ({ loss: () => null, dispose: () => undefined }) }],
  ] as const)('are tried before any training: %s names the plug-in', (code, words, change) => {
    const before = tf.memory().numTensors;
    const refused = attempt({ ...categoricalHead, name: '@acme/boom', ...change } as unknown as HeadPlugin);
    expect(refused).toThrow(expect.objectContaining({ code, message: expect.stringContaining(words) }));
    expect(refused).toThrow('[@acme/boom]');
    expect(tf.memory().numTensors).toBe(before);
  });

  it('leave nothing behind where all can be built', () => {
    const before = tf.memory().numTensors;
    attempt(categoricalHead as HeadPlugin)();
    expect(tf.memory().numTensors).toBe(before);
  });
});
