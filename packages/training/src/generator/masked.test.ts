import * as tf from '@tensorflow/tfjs';
import { type Engine, keyedRng, type Param, tensorFrom, type TraceRng } from '@tessera/engine';
import { freshWeights } from '@tessera/models';
import { createEngine } from '@tessera/targets';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { recipeSchema } from '../recipe/recipe.ts';
import { buildTrained, partsOf } from '../run/recipe-parts.ts';
import { microMasked } from '../testing/micro.fixture.ts';
import { countsOf, cutBounds, knownTokens, type MaskedBatch, maskedLoss, maskRate } from './masked.ts';

let engine: Engine;
beforeAll(() => {
  engine = createEngine({ target: 'eager' });
});
afterAll(() => engine.dispose());

const LENGTH = 16;
const KNOWN = 5;

/** Noise that depends on the place alone, so that a shorter list begins like the end of a longer one. */
const rng: TraceRng = {
  uniform: (stream, shape) => tf.fill([...shape], stream === 'timestep' ? 0.3 : 0.9),
  normal: (_, shape) => tf.fill([...shape], 0.4),
};

function build() {
  const { model, tokenizer: stage, ...rest } = recipeSchema.parse(microMasked, 'micro');
  const { backbone } = model!;
  const still = { ...backbone, config: { ...(backbone.config as object), dropout: 0 } };
  const parts = partsOf({ ...rest, tokenizer: stage, model: { ...model!, backbone: still } });
  const tokenizer = parts.parts.tokenizer.plugin.build(parts.facts.configs.tokenizer, {
    engine,
    weights: freshWeights(1),
  });
  const weights = { backbone: freshWeights(2), head: freshWeights(3) };
  const built = buildTrained(engine, parts, { tokenizer, weights });
  shake([...weights.backbone.params, ...weights.head.params]);
  return { tokenizer, ...built };
}

/** Moves all parameters from their start, because a fresh head predicts zero for any input. */
function shake(params: readonly Param[]): void {
  for (const [position, { variable }] of params.entries()) {
    const values = keyedRng([9]).normal({ row: 0, stream: 'shake', step: 0, position }, variable.size);
    variable.assign(tf.mul(tf.tensor(values, variable.shape), 0.3));
  }
}

/** Two images whose orders differ, cut after the first five tokens. */
function batch(least: number, label = [0, 1]): MaskedBatch {
  const orders = [3, 5].map((stride) => Int32Array.from({ length: LENGTH }, (_, i) => (i * stride + 2) % LENGTH));
  const order_BL = orders.flatMap((order) => [...order]);
  const rank_BL = orders.flatMap((order) => [...order.keys()].map((position) => order.indexOf(position)));
  const moments = keyedRng([4]).normal({ row: 0, stream: 'moments', step: 0, position: 0 }, 2 * LENGTH * 4);
  const weights = Float32Array.from({ length: LENGTH - least }, (_, i) =>
    least + i < KNOWN ? 0 : 1 / (LENGTH - KNOWN),
  );
  return {
    moments: tensorFrom(moments, [2, 4, 4, 4]),
    'condition.label_R': tensorFrom(Int32Array.from(label), [2], 'int32'),
    order_BL: tensorFrom(Int32Array.from(order_BL), [2, LENGTH], 'int32'),
    rank_BL: tensorFrom(Int32Array.from(rank_BL), [2, LENGTH], 'int32'),
    known: tensorFrom(Int32Array.of(KNOWN), [], 'int32'),
    weight_l: tensorFrom(weights, [weights.length]),
  };
}

describe('masked loss', () => {
  const value = (given: MaskedBatch, cuts: { least: number; most: number }[]) =>
    tf.tidy(() => {
      const { loss, aux } = maskedLoss(build(), { conditionDrop: 0.1, cuts })(given, rng);
      return [loss.dataSync()[0]!, aux.hidden.dataSync()[0]!] as const;
    });

  it('does not depend on the bounds of the program that computes it', () => {
    const [exact, hidden] = value(batch(KNOWN), [{ least: KNOWN, most: KNOWN }]);
    const [wide] = value(batch(0), [{ least: 0, most: 12 }]);
    const [narrow] = value(batch(4), [
      { least: 0, most: 3 },
      { least: 4, most: 7 },
    ]);
    expect(hidden).toBeCloseTo(11 / 16);
    expect(wide / exact).toBeCloseTo(1, 5);
    expect(narrow / exact).toBeCloseTo(1, 5);
    const [other] = value(batch(KNOWN, [1, 0]), [{ least: KNOWN, most: KNOWN }]);
    expect(Math.abs(other / exact - 1)).toBeGreaterThan(1e-4);
  });

  it('refuses weights that belong to no program', () => {
    const wrong = () => value(batch(2), [{ least: 0, most: 12 }]);
    expect(wrong).toThrowError(expect.objectContaining({ code: 'weights-length' }));
  });
});

/** SciPy's truncnorm with mean 1 and deviation 0.25 on [0.7, 1], which the reference implementation draws from. */
const reference = {
  least: 0.7,
  deviation: 0.25,
  mean: 0.86702,
  std: 0.08355,
  quantiles: [
    [0.01, 0.7049],
    [0.1, 0.74468],
    [0.25, 0.79952],
    [0.5, 0.87429],
    [0.75, 0.9391],
    [0.9, 0.97584],
    [0.99, 0.99759],
  ],
} as const;

describe('mask rates', () => {
  const { least, deviation, quantiles, mean, std } = reference;
  const rates = Array.from({ length: 20_000 }, (_, number) =>
    maskRate({ least, deviation }, { seed: 5, number }),
  ).sort();

  it('are distributed as those of the reference implementation', () => {
    const average = rates.reduce((sum, rate) => sum + rate, 0) / rates.length;
    const spread = Math.sqrt(rates.reduce((sum, rate) => sum + (rate - average) ** 2, 0) / rates.length);
    expect(average).toBeCloseTo(mean, 2);
    expect(spread).toBeCloseTo(std, 2);
    for (const [share, value] of quantiles) expect(rates[Math.floor(share * rates.length)]).toBeCloseTo(value, 2);
  });

  it('depend on seed and number alone, and hide everything if the least rate is 1', () => {
    expect(maskRate({ least, deviation }, { seed: 5, number: 7 })).toBe(
      maskRate({ least, deviation }, { seed: 5, number: 7 }),
    );
    expect(maskRate({ least, deviation }, { seed: 6, number: 7 })).not.toBe(
      maskRate({ least, deviation }, { seed: 5, number: 7 }),
    );
    expect(maskRate({ least: 1, deviation }, { seed: 5, number: 7 })).toBe(1);
  });

  it('are uniform in a sliver of the distribution', () => {
    const sliver = Array.from({ length: 20 }, (_, number) =>
      maskRate({ least: 0.99, deviation: 1e9 }, { seed: 5, number }),
    );
    expect(Math.min(...sliver)).toBeGreaterThanOrEqual(0.99);
    expect(Math.max(...sliver)).toBeLessThanOrEqual(1);
    expect(sliver.reduce((sum, rate) => sum + rate, 0) / sliver.length).toBeCloseTo(0.995, 2);
  });
});

describe('cuts', () => {
  it('hide as many tokens as the reference, rounded up', () => {
    expect([1, 0.95, 0.9375, 0.2].map((rate) => knownTokens(16, rate))).toEqual([0, 0, 1, 12]);
  });

  it('hide one token at least', () => {
    expect(knownTokens(16, 0)).toBe(15);
    expect(cutBounds(countsOf(16, 0), 2).at(-1)).toEqual({ least: 8, most: 15 });
  });

  it.each([
    [16, 0.2, 3],
    [16, 0, 3],
    [256, 0.7, 4],
    [16, 1, 3],
    [4, 0.5, 9],
  ])('of %i tokens from a rate of %f on fill %i programs without a gap', (length, leastRate, programs) => {
    const cuts = cutBounds(countsOf(length, leastRate), programs);
    const counts = cuts.flatMap(({ least, most }) => Array.from({ length: most - least + 1 }, (_, i) => least + i));
    expect(counts).toEqual(Array.from({ length: knownTokens(length, leastRate) + 1 }, (_, known) => known));
    expect(cuts.length).toBeLessThanOrEqual(programs);
  });

  it('begin and end at counts that occur', () => {
    expect(cutBounds([0, 1, 5, 14, 39], 2)).toEqual([
      { least: 0, most: 1 },
      { least: 5, most: 39 },
    ]);
  });
});
