import { keyedRng } from '@tessera/engine';
import { describe, expect, it } from 'vitest';
import type { Kept, Plan } from './contracts.ts';
import { nextScaleOrder, randomOrder, rasterOrder } from './orders.ts';
import type { OrderPlugin } from './plugin.ts';
import { confidenceOrder, randomSetsOrder, setSizes } from './set-orders.ts';
import { classOf, type Step } from './tokens.ts';

const layout = {
  length: 5,
  scales: [
    { start: 0, height: 1, width: 1 },
    { start: 1, height: 2, width: 2 },
  ],
};
const all = [0, 1, 2, 3, 4];

function planOf(order: OrderPlugin, seeds: readonly number[], kept: Kept | null = null): Plan {
  const rows = seeds.map((seed) => ({ seed, condition: classOf(0) }));
  const options = order.options(layout).parse({}, 'test');
  return order.build({}).open(layout, { rows, kept, rng: keyedRng(seeds), options });
}

const keeping = (...positions: number[]): Kept =>
  ({ keep_L: Uint8Array.from(all, (position) => (positions.includes(position) ? 1 : 0)) }) as Kept;

/** Positions of one row, in the order in which they come. */
function visited(steps: readonly Step[], row: number, rows: number): number[] {
  return steps.flatMap(({ positions_Bl }) => {
    const l = positions_Bl.length / rows;
    return [...positions_Bl.subarray(row * l, (row + 1) * l)];
  });
}

describe('orders of one token a step', () => {
  it('raster visits all tokens as they lie, kept ones too', () => {
    const steps = [...planOf(rasterOrder as OrderPlugin, [1, 2], keeping(2)).steps()];
    expect(steps.map(({ before, after }) => [before, after])).toEqual([
      [5, 4],
      [4, 3],
      [3, 2],
      [2, 1],
      [1, 0],
    ]);
    for (const row of [0, 1]) expect(visited(steps, row, 2)).toEqual(all);
  });

  it('random gives every row an order of its own, which its seed alone decides, and visits kept tokens first', () => {
    const order = randomOrder as OrderPlugin;
    const seeds = [1, 2, 3, 4, 5, 6];
    const steps = [...planOf(order, seeds, keeping(1, 3)).steps()];
    const orders = seeds.map((_, row) => visited(steps, row, seeds.length));
    for (const [row, seed] of seeds.entries()) {
      expect([...orders[row]!].sort()).toEqual(all);
      expect(orders[row]!.slice(0, 2).sort()).toEqual([1, 3]);
      expect(visited([...planOf(order, [seed], keeping(1, 3)).steps()], 0, 1)).toEqual(orders[row]);
    }
    expect(new Set(orders.map(String)).size).toBeGreaterThan(3);
  });
});

describe('the order by confidence', () => {
  const order = confidenceOrder as OrderPlugin;
  const cold = (seeds: readonly number[], steps: number, kept: Kept | null = null): Plan => {
    const options = { steps, choiceTemperature: 0 };
    const rows = seeds.map((seed) => ({ seed, condition: classOf(0) }));
    return order.build({}).open(layout, { rows, kept, rng: keyedRng(seeds), options });
  };

  it('asks for all that is missing and keeps the surest, row by row', () => {
    const plan = cold([1, 2], 3);
    const seen: number[][] = [];
    for (const step of plan.steps()) {
      // The first row is surest of high positions, the second of low ones.
      const l = step.positions_Bl.length / 2;
      const confidence_Bl = Float32Array.from(step.positions_Bl, (position, i) => (i < l ? position : -position));
      const { step: chosen, slots_Bl } = plan.choose!(step, { confidence_Bl });
      expect(chosen.positions_Bl).toHaveLength(2 * (step.before - step.after));
      expect([...slots_Bl].map((slot) => step.positions_Bl[slot])).toEqual([...chosen.positions_Bl]);
      seen.push([...chosen.positions_Bl]);
    }
    expect(seen).toEqual([
      [4, 0],
      [2, 3, 1, 2],
      [0, 1, 3, 4],
    ]);
  });

  it('leaves kept tokens out', () => {
    const plan = cold([1], 2, keeping(0, 1, 2));
    const counts: number[] = [];
    for (const step of plan.steps()) {
      counts.push(step.positions_Bl.length);
      plan.choose!(step, { confidence_Bl: new Float32Array(step.positions_Bl.length) });
    }
    expect(counts).toEqual([2, 1]);
  });

  it('takes what chance adds from seed, step and position alone', () => {
    const order = confidenceOrder as OrderPlugin;
    const firstOf = (seeds: readonly number[], row: number): number[] => {
      const plan = planOf(order, seeds);
      const [step] = plan.steps();
      const { step: chosen } = plan.choose!(step!, { confidence_Bl: new Float32Array(step!.positions_Bl.length) });
      return visited([chosen], row, seeds.length);
    };
    const seeds = [1, 2, 3, 4, 5, 6, 7, 8];
    const firsts = seeds.map((_, row) => firstOf(seeds, row));
    expect(new Set(firsts.map(String)).size).toBeGreaterThan(1);
    for (const [row, seed] of seeds.entries()) expect(firstOf([seed], 0)).toEqual(firsts[row]);
  });

  it('refuses tokens that come without confidence', () => {
    const plan = planOf(order, [1]);
    const [step] = plan.steps();
    expect(() => plan.choose!(step!, {})).toThrow('no confidence at step 0; expected one for each of 5 sampled tokens');
    expect(() => plan.choose!(step!, { confidence_Bl: new Float32Array(2) })).toThrow('2 confidences');
  });
});

describe('orders in training', () => {
  const key_L = Float32Array.of(0.3, 0.9, 0.1, 0.5, 0.2);

  it.each([nextScaleOrder, rasterOrder] as OrderPlugin[])('$name visits tokens as they lie', (order) => {
    expect([...order.build({}).visit(layout, key_L)]).toEqual(all);
  });

  it.each([randomOrder, randomSetsOrder, confidenceOrder] as OrderPlugin[])('$name shuffles them by keys', (order) => {
    expect([...order.build({}).visit(layout, key_L)]).toEqual([2, 4, 0, 3, 1]);
    expect(order.build({}).stops(layout)).toBeNull();
  });

  it('next-scale stops where scales begin', () => {
    expect(nextScaleOrder.build({}).stops(layout)).toEqual([0, 1]);
  });
});

describe('nextScaleOrder', () => {
  it('takes one scale a step, the same for every row', () => {
    const layout = {
      length: 7,
      scales: [
        { start: 0, height: 1, width: 1 },
        { start: 1, height: 3, width: 2 },
      ],
    };
    const rows = [0, 1].map((seed) => ({ seed, condition: classOf(0) }));
    const plan = nextScaleOrder.build({}).open(layout, { rows, kept: null, options: {}, rng: keyedRng([0, 1]) });
    expect([...plan.steps()]).toEqual([
      { index: 0, of: 2, before: 7, after: 6, positions_Bl: Int32Array.of(0, 0) },
      { index: 1, of: 2, before: 6, after: 0, positions_Bl: Int32Array.of(1, 2, 3, 4, 5, 6, 1, 2, 3, 4, 5, 6) },
    ]);
    expect([...plan.steps()]).toHaveLength(2);
  });

  it('has nothing to configure', () => {
    expect(() => nextScaleOrder.config.parse({ scales: 3 }, 'next-scale')).toThrow('unknown field scales');
  });
});

const square = { length: 16, scales: [{ start: 0, height: 4, width: 4 }] };

function stepsOf(seeds: readonly number[], steps: number, kept: Kept | null = null, restSteps = 0): Step[] {
  const rows = seeds.map((seed) => ({ seed, condition: classOf(0) }));
  const plan = randomSetsOrder
    .build({})
    .open(square, { rows, kept, rng: keyedRng(seeds), options: { steps, restSteps } });
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

  it('draws even cells of a checkerboard first and odd ones in the steps that are for the rest', () => {
    const even = [0, 2, 5, 7, 8, 10, 13, 15];
    for (const [steps, restSteps] of [
      [6, 1],
      [6, 2],
      [2, 1],
      [16, 15],
    ] as const) {
      const sets = setsOf(stepsOf([3, 4], steps, null, restSteps), 1, 2);
      const first = sets.length - Math.min(restSteps, 8);
      expect(new Set(sets.slice(0, first).flat())).toEqual(new Set(even));
      expect(new Set(sets.flat()).size).toBe(16);
    }
    expect(setsOf(stepsOf([4], 6, null, 2), 0, 1)).toEqual(setsOf(stepsOf([3, 4], 6, null, 2), 1, 2));
    // An edit whose missing tokens are all of a colour.
    const keep_L = Uint8Array.from({ length: 16 }, (_, position) => (even.includes(position) ? 1 : 0));
    expect(setsOf(stepsOf([1], 6, { keep_L } as Kept, 2), 0, 1)).toHaveLength(2);
  });

  it('refuses more steps for the rest than there are', () => {
    const { parse } = randomSetsOrder.options(square);
    expect(parse({ steps: 4, restSteps: 3 }, 'digits')).toEqual({ steps: 4, restSteps: 3 });
    expect(() => parse({ steps: 4, restSteps: 4 }, 'digits')).toThrow(
      'restSteps = 4; expected fewer than steps, which is 4. Choose fewer, or more steps.',
    );
  });

  it('refuses more steps than tokens, and none, in one sentence', () => {
    const { parse, json } = randomSetsOrder.options(square);
    expect(parse({}, 'digits')).toEqual({ steps: 16, restSteps: 0 });
    expect(() => parse({ steps: 17 }, 'digits')).toThrow('steps = 17; expected at most 16, the number of tokens');
    expect(() => parse({ steps: 17 }, 'digits')).toThrow(expect.objectContaining({ code: 'steps-above-tokens' }));
    expect(() => parse({ steps: 0 }, 'digits')).toThrow(expect.objectContaining({ code: 'field-invalid' }));
    expect(json.properties!['steps']).toMatchObject({ type: 'integer', minimum: 1, maximum: 16, default: 16 });
  });
});
