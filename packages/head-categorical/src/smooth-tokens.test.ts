import { furthest, readGolden } from '@tessera/goldens';
import { describe, expect, it } from 'vitest';
import { filterLogits } from './filter-logits.ts';
import { mixCodebook, smoothTemperature, smoothWeights } from './smooth-tokens.ts';

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
