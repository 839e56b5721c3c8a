import * as tf from '@tensorflow/tfjs';
import type { Engine } from '@tessera/engine';
import { freshWeights } from '@tessera/models';
import { createEngine } from '@tessera/targets';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { recipeSchema } from '../recipe/recipe.ts';
import { buildTrained, partsOf } from '../run/recipe-parts.ts';
import type { Batch } from '../stage/stage.ts';
import { microMasked, microRecipe } from '../testing/micro.fixture.ts';
import { openObjective } from './generator-stage.ts';
import type { Objective } from './objective.ts';

let engine: Engine;
beforeAll(() => {
  engine = createEngine({ target: 'eager' });
});
afterAll(() => engine.dispose());

/** The objective of a micro recipe with some parts exchanged. */
function objective(json: object, { model, generator }: { model?: object; generator?: object } = {}): Objective {
  const merged = json as typeof microRecipe;
  const recipe = recipeSchema.parse(
    { ...merged, model: { ...merged.model, ...model }, generator: { ...merged.generator, ...generator } },
    'micro',
  );
  const parts = partsOf(recipe);
  const [own, backbone, head] = [freshWeights(1), freshWeights(2), freshWeights(3)];
  const tokenizer = parts.parts.tokenizer.plugin.build(parts.facts.configs.tokenizer, { engine, weights: own });
  const built = buildTrained(engine, parts, { tokenizer, weights: { backbone, head } });
  return openObjective({ parts: { tokenizer, ...built }, recipe: recipe.generator!, seed: 3 });
}

const order = (plugin: string) => ({ order: { plugin, config: {} } });
const values = (batch: Batch, name: string) => [...batch[name]!.dataSync()];

describe('training objectives', () => {
  it('visit tokens as the order does, in an order of its own for each image', () => {
    const key = { step: 0, number: 4, images: 2 };
    const before = tf.memory().numTensors;
    const [shuffled, straight] = ['random-sets', 'raster'].map((name) =>
      objective(microMasked, { model: order(name) }),
    );
    const held = tf.memory().numTensors;
    const [random, again, raster] = [shuffled!.inputs(key), shuffled!.inputs(key), straight!.inputs(key)];
    expect(tf.memory().numTensors - held).toBe(12);
    expect(held).toBeGreaterThan(before);
    const rows = values(random, 'order_BL');
    expect(values(again, 'order_BL')).toEqual(rows);
    expect(rows.slice(0, 16)).not.toEqual(rows.slice(16));
    for (const row of [rows.slice(0, 16), rows.slice(16)]) {
      expect(row.toSorted((a, b) => a - b)).toEqual([...Array(16).keys()]);
    }
    const ranks = values(random, 'rank_BL');
    expect(rows.map((position, i) => ranks[16 * Math.floor(i / 16) + position])).toEqual(rows.map((_, i) => i % 16));
    expect(values(raster, 'order_BL').slice(0, 16)).toEqual([...Array(16).keys()]);
  });

  it('cut where a step of the order may begin, each place as often as the others', () => {
    const { backbone } = microMasked.model;
    const scales = objective(microRecipe, { model: { backbone }, generator: { progressive: null } });
    expect(scales.programs).toBe(2);
    const cuts = Array.from({ length: 1000 }, (_, number) => {
      const batch = scales.inputs({ step: 0, number, images: 1 });
      const [[known], weights] = [values(batch, 'known'), values(batch, 'weight_l')];
      expect(weights.reduce((sum, weight) => sum + weight, 0)).toBeCloseTo(1);
      expect(weights.filter((weight) => weight > 0).length).toBe(21 - known!);
      return known;
    });
    const shares = [0, 1, 5].map((stop) => cuts.filter((known) => known === stop).length / 1000);
    for (const share of shares) expect(share).toBeCloseTo(1 / 3, 1);
    expect(shares.reduce((sum, share) => sum + share)).toBeCloseTo(1);
  });

  it('refuses to begin with a scale that is not there', () => {
    const from = (first: number) => () => objective(microRecipe, { generator: { progressive: { until: 0.5, first } } });
    expect(from(2)).not.toThrow();
    expect(from(3)).toThrow('first = 3 for a tokenizer of 3 scales');
  });

  it.each([
    [
      'coarse scales first',
      () => objective(microMasked, { generator: { masking: null, progressive: { until: 0.5, first: 1 } } }),
      'progressive',
    ],
    [
      'mask rates to estimates',
      () => objective(microRecipe, { generator: { progressive: null, masking: { leastRate: 0.5 } } }),
      'masking',
    ],
    [
      'mask rates to an order of scales',
      () =>
        objective(
          { ...microMasked, tokenizer: microRecipe.tokenizer },
          { model: { ...order('next-scale'), tokenizer: microRecipe.model.tokenizer, head: microRecipe.model.head } },
        ),
      'begin after 0, 1, 5 tokens',
    ],
  ])('refuse %s where the parts cannot be trained so', (_, make, named) => {
    expect(make).toThrowError(
      expect.objectContaining({ code: 'recipe-misfit', message: expect.stringContaining(named) }),
    );
  });
});
