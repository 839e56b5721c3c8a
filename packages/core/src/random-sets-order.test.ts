import { keyedRng } from '@tessera/engine';
import { describe, expect, it } from 'vitest';
import { randomSetsOrder } from './set-orders.ts';
import { setSizes } from './set-orders.ts';
import type { Kept } from './contracts.ts';
import { classOf, type Step } from './tokens.ts';

const layout = { length: 16, scales: [{ start: 0, height: 4, width: 4 }] };

function stepsOf(seeds: readonly number[], steps: number, kept: Kept | null = null): Step[] {
  const rows = seeds.map((seed) => ({ seed, condition: classOf(0) }));
  const plan = randomSetsOrder.build({}).open(layout, { rows, kept, rng: keyedRng(seeds), options: { steps } });
  return [...plan.steps()];
}

/** Positions of one row, step by step. */
function setsOf(steps: readonly Step[], row: number, rows: number): number[][] {
  return steps.map(({ positions_Bl }) => {
    const l = positions_Bl.length / rows;
    return [...positions_Bl.subarray(row * l, (row + 1) * l)];
  });
}

describe('setSizes', () => {
  it('follows the cosine as the official sampler does', () => {
    expect(setSizes(64, 6)).toEqual([3, 6, 10, 13, 16, 16]);
    expect(setSizes(36, 5)).toEqual([2, 5, 8, 10, 11]);
    expect(setSizes(256, 64).slice(0, 16)).toEqual([1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2, 3, 2]);
  });

  it('gives every step a token, whatever the number of steps', () => {
    for (let steps = 1; steps <= 16; steps++) {
      const sizes = setSizes(16, steps);
      expect(sizes).toHaveLength(steps);
      expect(Math.min(...sizes)).toBeGreaterThan(0);
      expect(sizes.reduce((sum, size) => sum + size)).toBe(16);
    }
  });
});

describe('randomSetsOrder', () => {
  it('visits every position once, ascending within a step, and counts what is left', () => {
    const steps = stepsOf([7], 5);
    const sets = setsOf(steps, 0, 1);
    expect(sets.flat().sort((a, b) => a - b)).toEqual(Array.from({ length: 16 }, (_, i) => i));
    for (const set of sets) expect(set).toEqual([...set].sort((a, b) => a - b));
    let missing = 16;
    for (const { before, after, positions_Bl } of steps) {
      expect(before).toBe(missing);
      missing -= positions_Bl.length;
      expect(after).toBe(missing);
    }
    expect(missing).toBe(0);
  });

  it("takes a row's order from its seed alone", () => {
    const together = stepsOf([3, 4, 5], 5);
    expect(setsOf(together, 0, 3)).not.toEqual(setsOf(together, 1, 3));
    for (const [row, seed] of [3, 4, 5].entries()) {
      expect(setsOf(stepsOf([seed], 5), 0, 1)).toEqual(setsOf(together, row, 3));
    }
  });

  it('leaves kept tokens out', () => {
    const keep_L = Uint8Array.from({ length: 16 }, (_, position) => (position < 13 ? 1 : 0));
    const kept = { keep_L } as Kept;
    const sets = setsOf(stepsOf([1], 16, kept), 0, 1);
    expect(sets).toHaveLength(3);
    expect(sets.flat().sort()).toEqual([13, 14, 15]);
    expect(() => stepsOf([1], 4, { keep_L: new Uint8Array(16).fill(1) } as Kept)).toThrow('keeps every token');
  });

  it('refuses more steps than tokens, and none, in one sentence', () => {
    const { parse, json } = randomSetsOrder.options(layout);
    expect(parse({}, 'digits')).toEqual({ steps: 16 });
    expect(() => parse({ steps: 17 }, 'digits')).toThrow('steps = 17; expected at most 16, the number of tokens');
    expect(() => parse({ steps: 17 }, 'digits')).toThrow(expect.objectContaining({ code: 'steps-above-tokens' }));
    expect(() => parse({ steps: 0 }, 'digits')).toThrow(expect.objectContaining({ code: 'field-invalid' }));
    expect(json.properties!['steps']).toMatchObject({ type: 'integer', minimum: 1, maximum: 16, default: 16 });
  });
});
