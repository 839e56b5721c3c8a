import { describe, expect, it } from 'vitest';
import { guidanceOf, guidanceWithin, noGuidance } from './guidance.ts';
import type { Step } from './tokens.ts';

const layout = { length: 256, scales: [{ start: 0, height: 16, width: 16 }] };
const step = (index: number, of: number, after = 0): Step => ({
  index,
  of,
  before: after,
  after,
  positions_Bl: new Int32Array(1),
});

describe('guidance', () => {
  it('ramps from 1 to 1 + cfg, and is off where there is but one step', () => {
    const ramp = guidanceOf({ kind: 'ramp', scale: 1.5 });
    const weights = [0, 1, 2, 3].map((index) => ramp.weight(step(index, 4), layout));
    [1, 1.5, 2, 2.5].forEach((weight, index) => expect(weights[index]).toBeCloseTo(weight, 12));
    expect(ramp.weight(step(0, 1), layout)).toBe(1);
    expect(ramp.active).toBe(true);
    expect(guidanceOf({ kind: 'ramp', scale: 0 }).active).toBe(false);
  });

  it('grows linearly with the share of known tokens, and never quite arrives', () => {
    const linear = guidanceOf({ kind: 'linear', scale: 2.9 });
    expect(linear.weight(step(0, 64, 256), layout)).toBe(1);
    expect(linear.weight(step(32, 64, 128), layout)).toBeCloseTo(1.95, 12);
    expect(linear.weight(step(63, 64, 0), layout)).toBeCloseTo(1 + (1.9 * 255) / 256, 12);
    expect(linear.weight(step(62, 64, 1), layout)).toBe(linear.weight(step(63, 64, 0), layout));
  });

  it('begins later where told to, and says that rows may be saved', () => {
    const constant = guidanceOf({ kind: 'constant', scale: 4 });
    const late = guidanceWithin(constant, { from: 0.5, until: 1 });
    expect([0, 1, 2, 3].map((index) => late.weight(step(index, 4), layout))).toEqual([1, 1, 4, 4]);
    expect(late).toMatchObject({ active: true, saves: true });
    expect([0, 3].map((index) => late.ended!(step(index, 4)))).toEqual([false, false]);
    expect(guidanceWithin(constant, { from: 0, until: 1 })).toBe(constant);
    expect(guidanceWithin(noGuidance, { from: 0.5, until: 1 }).active).toBe(false);
  });

  it('ends where told to, and says so', () => {
    const early = guidanceWithin(guidanceOf({ kind: 'ramp', scale: 3 }), { from: 0, until: 0.5 });
    expect([0, 1, 2, 3].map((index) => early.weight(step(index, 4), layout))).toEqual([1, 2, 1, 1]);
    expect([0, 1, 2, 3].map((index) => early.ended!(step(index, 4)))).toEqual([false, false, true, true]);
    expect(guidanceWithin(early, { from: 0, until: 0 }).active).toBe(false);
  });

  it('stays constant, or off', () => {
    expect(guidanceOf({ kind: 'constant', scale: 4 }).weight(step(1, 2), layout)).toBe(4);
    expect(guidanceOf({ kind: 'constant', scale: 1 }).active).toBe(false);
    expect(guidanceOf({ kind: 'none', scale: 7 })).toBe(noGuidance);
  });

  it('refuses what it does not know', () => {
    expect(() => guidanceOf({ kind: 'ram' as 'ramp', scale: 1 })).toThrow('Did you mean ramp?');
    expect(() => guidanceOf({ kind: 'toString' as 'ramp', scale: 1 })).toThrow('expected one of none');
    expect(() => guidanceOf({ kind: 'ramp', scale: NaN })).toThrow('the scale NaN');
    expect(() => guidanceOf({ kind: 'ramp', scale: -1 })).toThrow('from 0 to 100, where 0 is no guidance');
    expect(() => guidanceOf({ kind: 'linear', scale: 1e30 })).toThrow('from 0 to 100, where 1 is no guidance');
    expect(() => guidanceOf({ kind: 'constant', scale: 100.5 })).toThrow('the scale 100.5');
    expect(guidanceOf({ kind: 'constant', scale: 100 }).active).toBe(true);
  });
});
