import { beforeAll, describe, expect, it } from 'vitest';
import * as tf from '@tensorflow/tfjs';
import { saysOf } from '../../fixtures/said.ts';
import {
  confidenceOrder,
  allPositions,
  type Chosen,
  type Order,
  setSteps,
  shuffled,
  tokenSteps,
  nextScaleOrder,
  randomOrder,
  randomSetsOrder,
  rasterOrder,
} from '@tessera/core';
import { schema } from '@tessera/schema';
import type { OrderPlugin } from '../index.ts';
import type { Property } from './index.ts';

/* As broken-heads.test.ts, for orders. */

beforeAll(() => tf.setBackend('cpu'));

/** An order that does some of its work otherwise. */
function changed(plugin: OrderPlugin, change: (order: Order) => Partial<Order>): OrderPlugin {
  const build: typeof plugin.build = (config) => {
    const order = plugin.build(config);
    return { ...order, ...change(order) };
  };
  return { ...plugin, build };
}

const sets = randomSetsOrder as OrderPlugin;
const tokens = randomOrder as OrderPlugin;
const raster = rasterOrder as OrderPlugin;
const scales = nextScaleOrder as OrderPlugin;
const surest = confidenceOrder as OrderPlugin;

const orderWith = (change: (order: Order) => Partial<Order>): OrderPlugin => changed(sets, change);

/** The order by confidence, which chooses otherwise. */
function orderChoosing(change: (chosen: Chosen) => Chosen): OrderPlugin {
  return changed(surest, (order) => ({
    open: (...given) => {
      const plan = order.open(...given);
      return { ...plan, choose: (...asked) => change(plan.choose!(...asked)) };
    },
  }));
}

/** The order by confidence, which is told another confidence. */
function orderTold(change: (confidence_Bl: Float32Array) => Float32Array): OrderPlugin {
  return changed(surest, (order) => ({
    open: (...given) => {
      const plan = order.open(...given);
      return {
        ...plan,
        choose: (step, { confidence_Bl }) => plan.choose!(step, { confidence_Bl: change(confidence_Bl!) }),
      };
    },
  }));
}

const nothing = () => undefined;
const reversed = (order: Int32Array): Int32Array => order.slice().reverse();

const broken: readonly [string, Property, RegExp, OrderPlugin][] = [
  [
    'a step missing',
    'coverage',
    /an end before position \d came/,
    orderWith(({ open }) => ({
      open: (...given) => {
        const plan = open(...given);
        return { ...plan, steps: () => [...plan.steps()].slice(0, -1) };
      },
    })),
  ],
  [
    'a slot twice',
    'coverage',
    /the slot 0 of choose\(\)/,
    orderChoosing(({ step, slots_Bl }) => ({ step, slots_Bl: slots_Bl.map(() => 0) })),
  ],
  [
    'another number of slots',
    'coverage',
    /3 slots of choose\(\) \(due: an Int32Array of/,
    orderChoosing(({ step }) => ({ step, slots_Bl: Int32Array.of(0, 1, 2) })),
  ],
  [
    'positions outside',
    'coverage',
    /position 99: twice, outside, or not ascending of steps\(\)/,
    orderWith(({ open }) => ({
      open: (...given) => {
        const plan = open(...given);
        const steps = () => [...plan.steps()].map((step) => ({ ...step, positions_Bl: step.positions_Bl.fill(99) }));
        return { ...plan, steps };
      },
    })),
  ],
  [
    'a mask ignored',
    'kept',
    /kept position 0 made again/,
    orderWith(({ open }) => ({ open: (layout, given) => open(layout, { ...given, kept: null }) })),
  ],
  [
    'a training order that is none',
    'coverage',
    /a position twice or outside of visit/,
    orderWith(() => ({ visit: (layout) => new Int32Array(layout.length) })),
  ],
  [
    'chance of its own',
    'determinism',
    /other steps/,
    orderWith(({ open }) => ({
      open: (layout, request) =>
        open(layout, {
          ...request,
          rng: { ...request.rng, uniform: (_, count) => Float32Array.from({ length: count }, () => Math.random()) },
        }),
    })),
  ],
  [
    'a look at the number of rows',
    'batch',
    /image alone/,
    orderWith(({ open }) => ({
      open: (layout, request) =>
        open(layout, {
          ...request,
          rng: {
            ...request.rng,
            uniform: (key, count) => request.rng.uniform({ ...key, step: request.rows.length }, count),
          },
        }),
    })),
  ],
  [
    'an option ignored',
    'options',
    /nothing that changes with steps = 1, steps = 9, steps = 5/,
    orderWith(({ open }) => ({
      open: (layout, request) => open(layout, { ...request, options: { steps: 3 } }),
    })),
  ],
  [
    'an option that breaks it at a bound',
    'options',
    /an end before position \d came .* with steps = 9/,
    orderWith(({ open }) => ({
      open: (layout, request) => {
        const plan = open(layout, request);
        const { steps } = request.options as { steps: number };
        return { ...plan, steps: () => [...plan.steps()].slice(0, steps === 9 ? -1 : undefined) };
      },
    })),
  ],
  [
    'an option of the training order alone, in disagreement',
    'options',
    /nothing that changes with turn/,
    { ...raster, options: () => schema.object({ turn: schema.optional(schema.boolean(), false) }) } as OrderPlugin,
  ],
  [
    'training the other way',
    'visit',
    /before/,
    changed(raster, ({ visit }) => ({ visit: (...given) => reversed(visit(...given)) })),
  ],
  [
    'scales the other way in training',
    'visit',
    /before/,
    changed(scales, ({ visit }) => ({ visit: (...given) => reversed(visit(...given)) })),
  ],
  [
    'a fixed order in training alone',
    'visit',
    /before/,
    orderWith(() => ({ visit: (layout) => Int32Array.from(allPositions(layout)) })),
  ],
  [
    'a fixed order in sampling alone',
    'visit',
    /position 0 before 1 in 100% of the images that are sampled, and \d+% of those that are taught/,
    changed(tokens, () => ({
      open: (layout, { rows }) => ({ steps: () => tokenSteps(rows.map(() => allPositions(layout))), dispose: nothing }),
    })),
  ],
  [
    'another training order each time',
    'determinism',
    /other steps/,
    orderWith(({ visit }) => ({
      visit: (layout) => visit(layout, Float32Array.from(allPositions(layout), Math.random)),
    })),
  ],
  [
    'kept tokens left out by an order of single tokens',
    'kept',
    /of 9 tokens, some of them kept/,
    changed(tokens, () => ({
      open: (layout, { rows, kept, rng }) => {
        const missing = allPositions(layout).filter((position) => !kept?.keep_L[position]);
        return { steps: () => tokenSteps(rows.map((_, row) => shuffled(missing, row, rng))), dispose: nothing };
      },
    })),
  ],
  [
    'a mask that keeps nothing taken for another order',
    'kept',
    /another order where a mask keeps nothing/,
    changed(tokens, ({ open }) => ({
      open: (layout, request) => {
        const step = request.kept ? 1 : 0;
        const uniform: typeof request.rng.uniform = (key, count) => request.rng.uniform({ ...key, step }, count);
        return open(layout, { ...request, rng: { ...request.rng, uniform } });
      },
    })),
  ],
  [
    'kept tokens that mix images',
    'batch',
    /alone of which tokens are kept/,
    changed(tokens, ({ open }) => ({
      open: (layout, request) => {
        const step = request.kept ? request.rows.length : 0;
        const uniform: typeof request.rng.uniform = (key, count) => request.rng.uniform({ ...key, step }, count);
        return open(layout, { ...request, rng: { ...request.rng, uniform } });
      },
    })),
  ],
  [
    "the first row's order for all",
    'batch',
    /image alone/,
    orderWith(({ open }) => ({
      open: (layout, request) =>
        open(layout, {
          ...request,
          rng: { ...request.rng, uniform: (key, count) => request.rng.uniform({ ...key, row: 0 }, count) },
        }),
    })),
  ],
  [
    'stops where no step begins',
    'coverage',
    /a step after \d tokens, which stops\(\) leaves out/,
    changed(scales, () => ({ stops: () => [0] })),
  ],
  ['the least sure first', 'confidence', /surer than the others in 0%/, orderTold((all) => all.map((one) => -one))],
  ['confidence ignored', 'confidence', /surer than the others/, orderTold((all) => all.map(() => 0))],
  [
    'a second dispose that throws',
    'dispose',
    /twice/,
    orderWith(({ open }) => ({
      open: (...given) => {
        let gone = false;
        const dispose = () => {
          if (gone) throw new Error('disposed twice');
          gone = true;
        };
        return { ...open(...given), dispose };
      },
    })),
  ],
  [
    'half of the images in another order than all of training',
    'visit',
    /before/,
    changed(tokens, () => ({
      open: (layout, { rows }) => ({
        steps: () =>
          setSteps(
            rows.map(({ seed }) => (seed % 2 ? allPositions(layout) : allPositions(layout).reverse())),
            allPositions(layout).map(() => 1),
          ),
        dispose: nothing,
      }),
      visit: (layout) => Int32Array.from(allPositions(layout)),
    })),
  ],
];

describe('an order', () => {
  it.each(broken)('is found with %s (%s)', async (_, property, words, plugin) => {
    const said = await saysOf(plugin, property, {});
    expect(said).toMatch(words);
    expect(said).toContain('part-conformance');
    expect(said).toContain(`(property ${property})`);
  });
});
