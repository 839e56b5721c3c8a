import { setTimeout as sleep } from 'node:timers/promises';
import * as tf from '@tensorflow/tfjs';
import type { Tensor3D } from '@tensorflow/tfjs';
import { isTesseraError } from '@tessera/errors';
import { beforeAll, describe, expect, it } from 'vitest';
import { lineHead } from '../../fixtures/line-head.ts';
import type { Head, Order } from '../contracts.ts';
import type { AnyPlugin, HeadPlugin, OrderPlugin } from '../index.ts';
import { confidenceOrder } from '../confidence-order.ts';
import { randomSetsOrder } from '../random-sets-order.ts';
import type { Chosen } from '../step.ts';
import { cases, type CasesOptions, type Property } from './index.ts';

/*
 * The tests of the tests: a part that keeps every rule passes, and one that breaks a rule fails that rule's check with a
 * sentence that names it.
 */

beforeAll(() => tf.setBackend('cpu'));

const quick: CasesOptions = { targets: ['eager'], patience: 300 };

/** What a check of this property says. */
async function saysOf(plugin: AnyPlugin, property: Property, options: CasesOptions = quick): Promise<string[]> {
  const said: string[] = [];
  for (const one of cases(plugin, options).filter((each) => each.property === property)) {
    await one.run().catch((error: unknown) => {
      if (!isTesseraError(error)) throw error;
      said.push(`${error.code} ${error.message}`);
    });
  }
  return said;
}

function headWith(change: (head: Head<{ noise: number }>) => Partial<Head<{ noise: number }>>): HeadPlugin {
  const build: typeof lineHead.build = (...given) => {
    const head = lineHead.build(...given);
    return { ...head, ...change(head) };
  };
  return { ...lineHead, build } as HeadPlugin;
}

/** A head whose tokens are changed before anyone sees them. */
function headMaking(change: (values: Float32Array, given: Parameters<Head['sample']>) => void): HeadPlugin {
  return headWith(({ sample }) => ({
    sample: async (...given) => {
      const { tokens } = await sample(...given);
      const values = Float32Array.from(await tokens.values_BlC.data());
      change(values, given as Parameters<Head['sample']>);
      const values_BlC = tf.tensor(values, tokens.values_BlC.shape) as Tensor3D;
      tokens.values_BlC.dispose();
      return { tokens: { values_BlC } };
    },
  }));
}

function orderWith(change: (order: Order<{ steps: number }>) => Partial<Order<{ steps: number }>>): OrderPlugin {
  const build: typeof randomSetsOrder.build = (config) => {
    const order = randomSetsOrder.build(config);
    return { ...order, ...change(order) };
  };
  return { ...randomSetsOrder, build } as OrderPlugin;
}

describe('the line head passes', () => {
  for (const { name, run } of cases(lineHead)) it(name, run);
});

/** A loss that tells nothing of itself: always 1, with the gradients of the true one. */
const stuck = tf.customGrad((loss) => {
  const value = tf.onesLike(loss as tf.Tensor2D);
  return { value, gradFunc: (dy) => dy as tf.Tensor };
}) as (loss: tf.Tensor) => tf.Tensor2D;

const promised = () => ({ values_BlC: Promise.resolve(tf.zeros([1])) }) as never;

/** The order by confidence, which chooses otherwise. */
function orderChoosing(change: (chosen: Chosen) => Chosen): OrderPlugin {
  const build: typeof confidenceOrder.build = (config) => {
    const order = confidenceOrder.build(config);
    return {
      ...order,
      open: (...given) => {
        const plan = order.open(...given);
        return { ...plan, choose: (...asked) => change(plan.choose!(...asked)) };
      },
    };
  };
  return { ...confidenceOrder, build } as OrderPlugin;
}

let calls = 0;
const kept: tf.Tensor[] = [];

const broken: readonly [Property, RegExp, AnyPlugin][] = [
  ['contract', /contract 9/, { ...lineHead, contract: 9 as 1 } as HeadPlugin],
  ['config', /unknown field/, { ...lineHead, config: { json: {}, parse: () => ({ std: 1 }) } } as HeadPlugin],
  [
    'shapes',
    /tokens\.values_BlC of \[3\]/,
    headWith(() => ({ sample: async () => ({ tokens: { values_BlC: tf.zeros([3]) as never } }) })),
  ],
  [
    'shapes',
    /got NaN in tokens\.values_BlC of sample\(\) at step 2 of 3/,
    headMaking((values) => values.fill(NaN, 0, 1)),
  ],
  ['shapes', /no tensor tokens\.values_BlC/, headWith(() => ({ sample: async () => ({ tokens: promised() }) }))],
  [
    'shapes',
    /^part-conformance \[line\] got tokens\.values_BlC of \[2\] float32 of sample\(\) \(due: \[2, 4, 3\] float32\) on eager; expected answers of the shapes and types of the contract \(property shapes\)\.$/,
    headWith(() => ({ sample: async () => ({ tokens: { values_BlC: tf.zeros([2]) as never } }) })),
  ],
  [
    'abort',
    /^part-conformance \[line\] got tokens\.values_BlC of \[2\] .* \(due: .*\) on eager; expected an end within one step/,
    headWith(() => ({ sample: async () => ({ tokens: { values_BlC: tf.zeros([2]) as never } }) })),
  ],
  [
    'abort',
    /tokens for a signal that had aborted before: signal\.throwIfAborted\(\) is missing on eager/,
    headWith(({ sample }) => ({
      sample: (hidden, context) => sample(hidden, { ...context, signal: new AbortController().signal }),
    })),
  ],
  ['shapes', /an error of sample\(\): undefined/, headWith(() => ({ sample: () => Promise.reject(undefined) }))],
  [
    'shapes',
    /a tensor that sample\(\) was lent, disposed/,
    headWith(({ sample }) => ({
      sample: (hidden, context) => sample(hidden, context).finally(() => hidden.values_RlD.dispose()),
    })),
  ],
  [
    'determinism',
    /tokens\.values_BlC, already disposed/,
    headWith(({ sample }) => {
      let first: ReturnType<typeof sample> | null = null;
      return { sample: (...given) => (first ??= sample(...given)) };
    }),
  ],
  ['shapes', /a promise of build\(\)/, { ...lineHead, build: async () => lineHead } as never],
  ['determinism', /apart/, headMaking((values) => void (values[0]! += ++calls))],
  ['batch', /apart/, headMaking((values, [, { rows }]) => void values.forEach((_, i) => (values[i]! += rows.length)))],
  ['guidance', /apart/, headMaking((values, [{ guided }]) => void (values[0]! += guided ? 1 : 0))],
  [
    'guidance',
    /nothing pulls/,
    headWith(({ sample }) => ({ sample: (hidden, context) => sample(hidden, { ...context, weight: 1 }) })),
  ],
  ['loss', /NaN/, headWith(({ loss }) => ({ loss: (...given) => tf.mul(loss(...given), NaN) }))],
  [
    'loss',
    /all zero|no gradient|gradient/i,
    headWith(({ loss }) => ({ loss: (...given) => tf.mul(loss(...given), 0) })),
  ],
  ['loss', /before/, headWith(({ loss }) => ({ loss: (...given) => stuck(loss(...given)) }))],
  ['leaks', /3 tensors after three calls/, headMaking(() => void kept.push(tf.zeros([1])))],
  [
    'abort',
    /nothing for 300 ms/,
    headWith(({ sample }) => ({ sample: async (...given) => (await sleep(3000), sample(...given)) })),
  ],
  [
    'dispose',
    /twice/,
    headWith(() => {
      let gone = false;
      return {
        dispose: () => {
          if (gone) throw new Error('disposed twice');
          gone = true;
        },
      };
    }),
  ],
  [
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
    'coverage',
    /the slot 0 of choose\(\)/,
    orderChoosing(({ step, slots_Bl }) => ({ step, slots_Bl: slots_Bl.map(() => 0) })),
  ],
  [
    'coverage',
    /3 slots of choose\(\) \(due: an Int32Array of/,
    orderChoosing(({ step }) => ({ step, slots_Bl: Int32Array.of(0, 1, 2) })),
  ],
  [
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
    'kept',
    /kept position 0 made again/,
    orderWith(({ open }) => ({ open: (layout, given) => open(layout, { ...given, kept: null }) })),
  ],
  [
    'coverage',
    /a position twice or outside of visit/,
    orderWith(() => ({ visit: (layout) => new Int32Array(layout.length) })),
  ],
  [
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
];

it.each(broken)('names what is broken: %s (%s)', async (property, words, plugin) => {
  const said = await saysOf(plugin, property);
  expect(said[0]).toMatch(words);
  expect(said[0]).toContain('part-conformance');
  expect(said[0]).toContain(`(property ${property})`);
});
