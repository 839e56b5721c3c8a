import { describe, expect, it } from 'vitest';
import { countsOf, cutBounds, knownTokens, maskRate } from './masked.ts';

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

  it('depend on seed and number alone, and hide all at least where all is the least', () => {
    expect(maskRate({ least, deviation }, { seed: 5, number: 7 })).toBe(
      maskRate({ least, deviation }, { seed: 5, number: 7 }),
    );
    expect(maskRate({ least, deviation }, { seed: 6, number: 7 })).not.toBe(
      maskRate({ least, deviation }, { seed: 5, number: 7 }),
    );
    expect(maskRate({ least: 1, deviation }, { seed: 5, number: 7 })).toBe(1);
  });

  it('come from a sliver of the distribution too, all alike', () => {
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
