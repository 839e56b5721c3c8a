import * as tf from '@tensorflow/tfjs';
import { randomSetsOrder, type Kept, type Layout, type OrderPlugin, type Step } from '@tessera/core';
import { beforeAll, describe, expect, it } from 'vitest';
import { saysOf } from '../../fixtures/said.ts';
import { checkPlugin } from '../define/check-plugin.ts';
import { cases } from './index.ts';

/* As broken-heads.test.ts, for orders that draw tokens again. */

beforeAll(() => tf.setBackend('cpu'));

interface Drawn {
  readonly rows: number;
  readonly layout: Layout;
  readonly kept: Kept | null;
  /** The sets of the random order. */
  readonly steps: readonly Step[];
}

/** Random sets, and the last step once more; `change` says otherwise. */
function revisiting(change: (again: Step, drawn: Drawn) => Partial<Step> = () => ({}), says: object = {}): OrderPlugin {
  const sets = randomSetsOrder as OrderPlugin;
  return {
    ...sets,
    ...{ contract: 2, revisits: true },
    ...says,
    build: (config) => {
      const order = sets.build(config);
      return {
        ...order,
        open: (layout, request) => {
          const plan = order.open(layout, request);
          return {
            ...plan,
            *steps() {
              const steps = [...plan.steps()];
              const of = steps.length + 1;
              for (const step of steps) yield { ...step, of };
              const { positions_Bl } = steps.at(-1)!;
              const rows = request.rows.length;
              const numbers = { index: of - 1, of, before: positions_Bl.length / rows, after: 0 };
              const again = { ...numbers, positions_Bl, again_Ba: positions_Bl.slice() };
              yield { ...again, ...change(again, { rows, layout, kept: request.kept, steps }) };
            },
          };
        },
      };
    },
  } as OrderPlugin;
}

const options = { steps: 4 };
// Of options that the random order has for itself.
const own = {
  departs: { restSteps: 'training draws these orders too, among others' },
  values: { restSteps: [0, 1, 3] },
};

describe('the smallest order that draws tokens again passes', () => {
  for (const { name, run } of cases(revisiting(), { options, ...own })) it(name, run);
});

const repeated = (rows: number, ...positions: number[]): Int32Array =>
  Int32Array.from({ length: rows * positions.length }, (_, i) => positions[i % positions.length]!);

const broken: readonly [string, RegExp, OrderPlugin][] = [
  [
    'without saying so',
    /again_Ba at step \d of steps\(\) \(due: none, or a plug-in that says revisits/,
    revisiting(undefined, { revisits: false }),
  ],
  [
    'that it does not count',
    /step 4 of 3 tokens that says 0 before and -3 after of steps\(\) \(due: 3 before/,
    revisiting(({ before }) => ({ before: 0, after: -before })),
  ],
  [
    'and not all of them drawn',
    /an end before position \d came/,
    revisiting((again, { rows }) => {
      const [first] = again.positions_Bl;
      return rows === 1 && again.before > 1 ? { positions_Bl: Int32Array.of(first!), after: again.before - 1 } : {};
    }),
  ],
  [
    'twice in a step',
    /position \d again at step \d: missing, kept, twice or not ascending/,
    revisiting((again, { rows }) => ({ before: 2, again_Ba: repeated(rows, 0, 0), positions_Bl: repeated(rows, 0) })),
  ],
  [
    'outside of the layout',
    /position 99 again at step/,
    revisiting((again, { rows }) => ({ before: 1, again_Ba: repeated(rows, 99), positions_Bl: repeated(rows, 0) })),
  ],
  [
    'of one row alone',
    /again_Ba of 1 positions of steps\(\) \(due: an Int32Array, equally many for each of 2 rows/,
    revisiting((again, { rows }) => (rows > 1 ? { again_Ba: again.again_Ba!.slice(0, 1) } : {})),
  ],
];

describe('an order that draws tokens again', () => {
  it.each(broken)('is found %s', async (_, words, plugin) => {
    const said = (
      await Promise.all((['coverage', 'batch'] as const).map((one) => saysOf(plugin, one, { options, ...own })))
    ).join();
    expect(said).toMatch(words);
    expect(said).toContain('part-conformance');
  });

  it('is found with kept tokens among them', async () => {
    const plugin = revisiting((_, { rows, kept }) => {
      const first = kept?.keep_L.indexOf(1) ?? -1;
      return first < 0 ? {} : { before: 1, again_Ba: repeated(rows, first), positions_Bl: repeated(rows, first) };
    });
    expect(await saysOf(plugin, 'kept', { options, ...own })).toMatch(/position 0 again at step \d: missing, kept/);
  });

  it('speaks contract 2', () => {
    expect(() => checkPlugin(revisiting(undefined, { contract: 1 }), 'test')).toThrow(
      /revisits in contract 1; expected contract 2/,
    );
  });
});
