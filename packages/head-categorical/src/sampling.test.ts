import { furthest, readGolden } from '@tessera/goldens';
import { describe, expect, it } from 'vitest';
import { filterLogits } from './filter.ts';
import { describeDrawn, drawIndex, mixCodebook, smoothTemperature, smoothWeights } from './sampling.ts';

const V = 64;

describe('smoothWeights', () => {
  const file = readGolden('var_tiny_infer_smooth');
  const { top_k: topK, top_p: topP } = JSON.parse(file.metadata['call']!);

  it.each([0, 1, 2, 3])('gives the recorded weights at scale %i', (scale) => {
    const logits = file.numbers(`out.logits_cfg.${scale}`) as Float32Array;
    const exponential = file.numbers(`rand.gumbel_exp.${scale}`) as Float32Array;
    for (let at = 0; at < logits.length; at += V) {
      const weights_V = logits.subarray(at, at + V);
      filterLogits(weights_V, { topK, topP }, new Float32Array(V));
      smoothWeights(weights_V, exponential.subarray(at, at + V), scale / 3);
    }
    expect(furthest(logits, file.numbers(`out.gumbel_soft.${scale}`))).toBeLessThan(2e-5);
  });

  it('cools down with progress', () => {
    expect(smoothTemperature(0)).toBeCloseTo(0.27, 12);
    expect(smoothTemperature(1)).toBeCloseTo(0.0135, 12);
  });
});

describe('mixCodebook', () => {
  it('adds weighted entries', () => {
    const token_C = Float32Array.of(9, 9);
    mixCodebook(Float32Array.of(0.25, 0, 0.75), Float32Array.of(4, 8, 100, 100, 0, -8), token_C);
    expect([...token_C]).toEqual([1, -4]);
  });
});

describe('describeDrawn', () => {
  it('tells log-probability and entropy of the distribution that was drawn from, removed codes aside', () => {
    const logits = Float32Array.of(Math.log(3), -Infinity, Math.log(1), 500, 500, 500);
    const { logProbability_Bl, entropy_Bl, likeliest } = describeDrawn(logits, Int32Array.of(0, 2));
    expect(logProbability_Bl[0]).toBeCloseTo(Math.log(3 / 4), 6);
    expect(logProbability_Bl[1]).toBeCloseTo(-Math.log(3), 6);
    expect(entropy_Bl[0]).toBeCloseTo(-(3 / 4) * Math.log(3 / 4) - (1 / 4) * Math.log(1 / 4), 6);
    expect(entropy_Bl[1]).toBeCloseTo(Math.log(3), 6);
    // Two and three codes could be drawn, five are told of: the rest has no probability.
    const { code_BlK, probability_BlK } = likeliest!;
    expect([...code_BlK.subarray(0, 2), ...code_BlK.subarray(5, 8)]).toEqual([0, 2, 0, 1, 2]);
    for (const [slot, probability] of [3 / 4, 1 / 4, 0, 0, 0, 1 / 3, 1 / 3, 1 / 3, 0, 0].entries())
      expect(probability_BlK[slot]).toBeCloseTo(probability, 6);
  });

  it('tells the five likeliest codes as sorting finds them', () => {
    for (let round = 0; round < 50; round++) {
      const logits = Float32Array.from({ length: 40 }, (_, v) => ((v * 7 + round * 13) % (round + 2)) / 3);
      const { code_BlK } = describeDrawn(logits, Int32Array.of(0)).likeliest!;
      const sorted = [...logits.keys()].sort((a, b) => logits[b]! - logits[a]! || a - b);
      expect([...code_BlK]).toEqual(sorted.slice(0, 5));
    }
  });
});

const CODES = 40;

function filtered(logits: readonly number[], topK: number, topP: number): number[] {
  const values = Float32Array.from(logits);
  filterLogits(values, { topK, topP }, new Float32Array(logits.length));
  return [...values];
}

describe('filterLogits', () => {
  const recorded = readGolden('topk_topp');
  const combos: { i: number; top_k: number; top_p: number }[] = JSON.parse(recorded.metadata['combos']!);

  it.each(combos)('keeps and draws what was recorded for top-k $top_k, top-p $top_p', ({ i, top_k, top_p }) => {
    const logits = recorded.numbers('in.logits') as Float32Array;
    const exponential = recorded.numbers('rand.exp') as Float32Array;
    const rows = logits.length / CODES;
    const drawn: number[] = [];
    for (let row = 0; row < rows; row++) {
      const logits_V = logits.subarray(row * CODES, (row + 1) * CODES);
      filterLogits(logits_V, { topK: top_k, topP: top_p }, new Float32Array(CODES));
      drawn.push(drawIndex(logits_V, exponential.subarray(row * CODES, (row + 1) * CODES)));
    }
    expect([...logits]).toEqual([...recorded.numbers(`out.filtered.${i}`)]);
    expect(drawn).toEqual([...recorded.numbers(`out.idx.${i}`)]);
  });

  it('keeps all that tie with the smallest of the top k', () => {
    expect(filtered([1, 3, 2, 2, 2, 0], 3, 0)).toEqual([-Infinity, 3, 2, 2, 2, -Infinity]);
    expect(filtered([5, 5, 5], 1, 0)).toEqual([5, 5, 5]);
  });

  it('removes tokens of equal probability in the order of their index', () => {
    expect(filtered([0, 0, 0, 0], 0, 0.3)).toEqual([-Infinity, -Infinity, 0, 0]);
    expect(filtered([0, 1, 0, 0, -1], 0, 0.65)).toEqual([-Infinity, 1, 0, 0, -Infinity]);
  });

  it('never removes the likeliest, and removes nothing at top-p 1', () => {
    expect(filtered([0, 2, 1], 0, 1e-9)).toEqual([-Infinity, 2, -Infinity]);
    expect(filtered([0, 0], 0, 1e-20)).toEqual([-Infinity, 0]);
    expect(filtered([0, 2, 1], 0, 1)).toEqual([0, 2, 1]);
  });

  it('agrees with sorting on many random vocabularies', () => {
    let state = 7;
    const random = (): number => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32;
    for (let round = 0; round < 200; round++) {
      const size = 2 + Math.floor(random() * 60);
      const logits = Array.from({ length: size }, () => Math.fround(Math.round(random() * 20) / 4));
      const topK = Math.floor(random() * size);
      const topP = random();
      expect(filtered(logits, topK, topP)).toEqual(bySorting(logits, topK, topP));
    }
  });
});

/** The definition, written down plainly. */
function bySorting(logits: readonly number[], topK: number, topP: number): number[] {
  const least = topK === 0 ? -Infinity : [...logits].sort((a, b) => b - a)[topK - 1]!;
  const left = logits.map((logit) => (logit < least ? -Infinity : logit));
  const total = left.reduce((sum, logit) => sum + Math.exp(logit), 0);
  const ascending = [...left.keys()].sort((a, b) => left[a]! - left[b]! || a - b);
  let cumulative = 0;
  for (const v of ascending.slice(0, -1)) {
    cumulative += Math.exp(left[v]!) / total;
    if (cumulative <= 1 - topP) left[v] = -Infinity;
  }
  return left;
}
