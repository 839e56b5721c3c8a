import { readGolden } from '@tessera/goldens';
import { describe, expect, it } from 'vitest';
import { drawIndex } from './draw-index.ts';
import { filterLogits } from './filter-logits.ts';

const V = 40;

function filtered(logits: readonly number[], topK: number, topP: number): number[] {
  const values = Float32Array.from(logits);
  filterLogits(values, { topK, topP }, new Float32Array(logits.length));
  return [...values];
}

describe('filterLogits', () => {
  const file = readGolden('topk_topp');
  const combos: { i: number; top_k: number; top_p: number }[] = JSON.parse(file.metadata['combos']!);

  it.each(combos)('keeps and draws what was recorded for top-k $top_k, top-p $top_p', ({ i, top_k, top_p }) => {
    const logits = file.numbers('in.logits') as Float32Array;
    const exponential = file.numbers('rand.exp') as Float32Array;
    const rows = logits.length / V;
    const drawn: number[] = [];
    for (let row = 0; row < rows; row++) {
      const logits_V = logits.subarray(row * V, (row + 1) * V);
      filterLogits(logits_V, { topK: top_k, topP: top_p }, new Float32Array(V));
      drawn.push(drawIndex(logits_V, exponential.subarray(row * V, (row + 1) * V)));
    }
    expect([...logits]).toEqual([...file.numbers(`out.filtered.${i}`)]);
    expect(drawn).toEqual([...file.numbers(`out.idx.${i}`)]);
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
