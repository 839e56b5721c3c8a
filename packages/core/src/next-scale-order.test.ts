import { keyedRng } from '@tessera/engine';
import { describe, expect, it } from 'vitest';
import { nextScaleOrder } from './orders.ts';
import { classOf } from './tokens.ts';

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
