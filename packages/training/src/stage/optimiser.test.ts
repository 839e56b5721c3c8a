import { varSchedules } from '@tessera/goldens';
import { schema } from '@tessera/schema';
import { describe, expect, it } from 'vitest';
import { emaDecay, isLearningRateShape, learningRate, trainingFields, weightDecay } from './optimiser.ts';

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
});

describe('learning rate', () => {
  it('refuses an unknown shape', () => {
    expect(isLearningRateShape('lin0.4')).toBe(true);
    expect(isLearningRateShape('step')).toBe(false);
    const rate = { shape: 'step', peak: 1, warmup: 0, steps: 10, startFactor: 0, endFactor: 0 };
    expect(() => learningRate(3, rate)).toThrowError(/got the schedule "step"/);
  });

  it('has a moving average of few steps at first', () => {
    expect(emaDecay(0, 0.999)).toBeCloseTo(0.1);
    expect(emaDecay(1e6, 0.999)).toBe(0.999);
  });
});

it('refuses moments that never move, which would end as NaN', () => {
  const fields = schema.object(trainingFields);
  const stage = (betas: readonly number[]) => ({
    steps: 1,
    batch: 1,
    optimiser: { learningRate: { shape: 'cos', peak: 1 }, betas },
  });
  expect(fields.parse(stage([0, 0.999]), 'x').optimiser.betas).toEqual([0, 0.999]);
  expect(() => fields.parse(stage([0.9, 1]), 'x')).toThrow('a decay below 1');
});
