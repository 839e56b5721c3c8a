import { varSchedules } from '@tessera/goldens';
import { describe, expect, it } from 'vitest';
import { progressiveStage, progressiveWeights } from '../generator/next-scale.ts';
import { emaDecay, isLearningRateShape, learningRate, weightDecay } from './optimiser.ts';

const tables = varSchedules();

describe('schedules of the reference implementation', () => {
  it.each(tables.lr_wd)('$sche warm-up $wp_it', ({ sche, peak, wd, wd_end, wp_it, max_it, wp0, wpe, rows }) => {
    const shape = { shape: sche, peak, warmup: wp_it, steps: max_it, startFactor: wp0, endFactor: wpe };
    expect(rows.length).toBeGreaterThan(5);
    for (const { it, lr, wd: decay } of rows) {
      expect(learningRate(it, shape) / lr).toBeCloseTo(1, 12);
      expect(weightDecay(it, { start: wd, end: wd_end, steps: max_it })).toBeCloseTo(decay, 12);
    }
  });

  it.each(tables.prog_si)('progressive from scale $pg0', ({ pg, pg0, wp_it, max_it, n_scales, rows_git_progsi }) => {
    const progressive = { until: pg, first: pg0, warmup: wp_it, steps: max_it, scales: n_scales };
    for (const [it, stage] of rows_git_progsi) expect([it, progressiveStage(it, progressive)]).toEqual([it, stage]);
  });
});

describe('progressive weights', () => {
  const progressive = { until: 0.5, first: 1, warmup: 5, steps: 200, scales: 4 };
  const sizes = [1, 4, 9, 16];
  const sum = (it: number) =>
    progressiveWeights(it, { progressive, fade: 10, sizes }).reduce((total, weight) => total + weight, 0);

  it('are 1/L each once every scale counts', () => {
    const weights = progressiveWeights(150, { progressive, fade: 10, sizes });
    expect(new Set(weights)).toEqual(new Set([Math.fround(1 / 30)]));
    expect(progressiveWeights(0, { progressive: null, fade: 1, sizes })).toEqual(weights);
  });

  it('fade the newest scale in', () => {
    expect(sum(0)).toBeCloseTo(5 / 30);
    const stages = Array.from({ length: 100 }, (_, it) => progressiveStage(it, progressive));
    const start = stages.indexOf(2);
    expect(sum(start)).toBeCloseTo((5 + 9 * 0.01) / 30);
    expect(sum(start + 5)).toBeCloseTo((5 + 9 * 0.5) / 30);
    expect(sum(start + 10)).toBeCloseTo(14 / 30);
  });
});

describe('learning rate', () => {
  it('refuses a shape that nobody knows', () => {
    expect(isLearningRateShape('lin0.4')).toBe(true);
    expect(isLearningRateShape('step')).toBe(false);
    const rate = { shape: 'step', peak: 1, warmup: 0, steps: 10, startFactor: 0, endFactor: 0 };
    expect(() => learningRate(3, rate)).toThrowError(/got the schedule "step"/);
  });

  it('averages little at first', () => {
    expect(emaDecay(0, 0.999)).toBeCloseTo(0.1);
    expect(emaDecay(1e6, 0.999)).toBe(0.999);
  });
});
