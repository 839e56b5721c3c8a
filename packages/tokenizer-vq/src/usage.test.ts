import { describe, expect, it } from 'vitest';
import { deadCodes, emptyUsage, recordHits, usageMargin, usagePercent } from './usage.ts';

describe('code usage', () => {
  it('copies the first scale of the first step and averages all others', () => {
    const first = recordHits(emptyUsage(2, 3), Float32Array.of(10, 0, 0, 0, 10, 0), 2);
    expect([...first.ema_SV]).toEqual([10, 0, 0, 0, 1, 0]);
    expect(first.recorded).toBe(2);
    const second = recordHits(first, Float32Array.of(0, 0, 10, 0, 10, 0), 2);
    expect([...second.ema_SV]).toEqual([9, 0, 1, 0, Math.fround(1.9), 0]);
  });

  it('forgets more slowly after a hundred records', () => {
    const late = recordHits({ ema_SV: Float32Array.of(100, 100), recorded: 99 }, Float32Array.of(0, 0), 2);
    expect([...late.ema_SV]).toEqual([90, 99]);
  });

  it('finds the codes that no scale uses', () => {
    const usage = { ema_SV: Float32Array.of(9, 0, 0.1, 0, 0, 9), recorded: 2 };
    const margin = usageMargin(75, 3);
    expect(margin).toBeCloseTo(2);
    expect(usagePercent(usage, 2, margin).map(Math.round)).toEqual([33, 33]);
    expect(deadCodes(usage, 2, margin)).toEqual([1]);
  });
});
