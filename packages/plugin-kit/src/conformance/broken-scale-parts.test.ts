import * as tf from '@tensorflow/tfjs';
import { setSteps, type ConditionedBackbone, type Context, type Order, type OrderPlugin } from '@tessera/core';
import { beforeAll, describe, expect, it } from 'vitest';
import { saysOf } from '../../fixtures/said.ts';
import { halvesOrder, scaleBackbone } from '../../fixtures/scale-parts.ts';
import { checkPlugin } from '../define/check-plugin.ts';
import { cases, type Property } from './index.ts';

/* As broken-heads.test.ts, for orders that draw parts of scales and for backbones that read them. */

beforeAll(() => tf.setBackend('cpu'));

describe.each([
  ['order', halvesOrder],
  ['backbone', scaleBackbone],
] as const)('the smallest %s of parts passes', (_, plugin) => {
  for (const { name, run } of cases(plugin)) it(name, run);
});

function orderWith(change: (order: Order) => Partial<Order>): OrderPlugin {
  const plugin = halvesOrder as OrderPlugin;
  return { ...plugin, build: (config) => ({ ...plugin.build(config), ...change(plugin.build(config)) }) };
}

type ScaleContext = Extract<Context, { reads: 'scale' }>;
type Batch = Parameters<ConditionedBackbone['teach']>[0];

/** Sampling is told otherwise what the canvas holds, training what the batch holds. */
function told(
  context: (given: ScaleContext) => Partial<ScaleContext>,
  batch: (given: Batch) => Partial<Batch> = () => ({}),
): typeof scaleBackbone {
  const build: typeof scaleBackbone.build = (...given) => {
    const built = scaleBackbone.build(...given);
    return {
      ...built,
      openRollout: async (...asked) => {
        const rollout = await built.openRollout(...asked);
        return {
          ...rollout,
          forward: (given, ...rest) =>
            rollout.forward({ ...given, ...context(given as ScaleContext) } as Context, ...rest),
        };
      },
      teach: (given, ...rest) => built.teach({ ...given, ...batch(given) }, ...rest),
    };
  };
  return { ...scaleBackbone, build };
}

const broken: readonly [string, Property, RegExp, OrderPlugin | typeof scaleBackbone][] = [
  [
    'steps across scales',
    'coverage',
    /step \d with tokens of 2 scales/,
    orderWith(() => ({
      open: (layout, { rows, kept }) => {
        const all = Array.from({ length: layout.length }, (_, at) => at).filter((at) => !kept?.keep_L[at]);
        const [half, rest] = [Math.floor(all.length / 2), Math.ceil(all.length / 2)];
        return {
          steps: () =>
            setSteps(
              rows.map(() => all),
              [half, rest].filter((one) => one > 0),
            ),
          dispose: () => undefined,
        };
      },
    })),
  ],
  [
    'fine scales first',
    'coverage',
    /step \d of a scale that is coarser than the one before/,
    orderWith(({ open }) => ({
      open: (layout, request) => {
        const plan = open(layout, request);
        const rows = request.rows.length;
        const turned = () => {
          const sets = [...plan.steps()].map(({ positions_Bl }) => positions_Bl).reverse();
          let before = sets.reduce((sum, set) => sum + set.length / rows, 0);
          return sets.map((positions_Bl, index) => {
            before -= positions_Bl.length / rows;
            const after = before;
            return { index, of: sets.length, before: after + positions_Bl.length / rows, after, positions_Bl };
          });
        };
        return { ...plan, steps: turned };
      },
    })),
  ],
  [
    'kept tokens made again',
    'kept',
    /the kept position \d made again/,
    orderWith(({ open }) => ({ open: (layout, request) => open(layout, { ...request, kept: null }) })),
  ],
  [
    'known tokens ignored',
    'context',
    /whether tokens are known or not/,
    told(
      ({ known_Bn }) => ({ known_Bn: tf.zerosLike(known_Bn) }),
      ({ known_BL }) => ({ known_BL: tf.zerosLike(known_BL!) }),
    ),
  ],
  [
    'hidden tokens seen in training',
    'causality',
    /hidden states under other tokens to come/,
    told(
      () => ({}),
      ({ known_BL }) => ({ known_BL: tf.onesLike(known_BL!) }),
    ),
  ],
  [
    'the estimate ignored in sampling',
    'cache',
    /hidden states of teach and rollout/,
    told(({ estimate_BnC }) => ({ estimate_BnC: estimate_BnC && tf.zerosLike(estimate_BnC) })),
  ],
  [
    'known tokens ignored in sampling',
    'cache',
    /hidden states of teach and rollout/,
    told(({ values_BnC }) => ({ values_BnC: tf.zerosLike(values_BnC) })),
  ],
];

describe('broken parts of scales', () => {
  it.each(broken)('are found: %s (%s)', async (_, property, words, plugin) => {
    expect(await saysOf(plugin, property, { targets: ['eager'] })).toMatch(words);
  });

  it('are of contract 2', () => {
    expect(() => checkPlugin({ ...halvesOrder, contract: 1 })).toThrow("stride = 'part' in contract 1");
  });
});
