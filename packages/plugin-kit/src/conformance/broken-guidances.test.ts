import type { GuidancePlugin, GuidanceRequest, HeadPlugin, Mix, OpenGuidance, OpenMix } from '@tessera/core';
import * as tf from '@tensorflow/tfjs';
import type { Tensor3D } from '@tensorflow/tfjs';
import { beforeAll, describe, expect, it } from 'vitest';
import { defineGuidance, defineHead, nn, schema, tensorFrom } from '../index.ts';
import { cases, type CasesOptions, type Property } from './index.ts';

/* As broken-heads.test.ts, for guidances, and for heads that let them mix. */

beforeAll(() => tf.setBackend('cpu'));

const { object, number, optional } = schema;
type Options = { readonly until: number };
type Asked = GuidanceRequest<Options>;

/** c + over (c - u) in the first share of the steps. */
const sound: Mix = ({ own_lX }) => own_lX;
const linear =
  (over: number): Mix =>
  ({ own_lX, none_lX }) =>
    own_lX.map((c, i) => c + over * (c - none_lX[i]!));

function guidanceWith(
  change: (asked: Asked) => Partial<OpenGuidance> & { mix?: OpenMix } = () => ({}),
  mixes: GuidancePlugin['mixes'] | null = ['logits', 'noise'],
): GuidancePlugin {
  return defineGuidance({
    contract: 2,
    name: '@acme/early',
    ...(mixes && { mixes }),
    options: () => object({ until: optional(number({ min: 0, max: 1 }), 0.5) }),
    open: (asked) => {
      const { weight, over, options } = asked;
      const { step, mix = () => linear(over), ended } = change(asked);
      return {
        step: step ?? (({ index, of }) => (index < options.until * of ? { weight, mix } : null)),
        ...(ended && { ended }),
      };
    },
  }) as GuidancePlugin;
}

/** Which properties do not hold. */
async function failing(plugin: GuidancePlugin | HeadPlugin, options: CasesOptions = {}): Promise<Set<Property>> {
  const failed = new Set<Property>();
  for (const { property, run } of cases(plugin, options)) await run().catch(() => failed.add(property));
  return failed;
}

describe('a sound guidance', () => {
  it('passes, by weights alone too', async () => {
    expect(await failing(guidanceWith())).toEqual(new Set());
    const weights = guidanceWith(
      ({ weight, options: { until } }) => ({ step: ({ index, of }) => (index < until * of ? { weight } : null) }),
      null,
    );
    expect(await failing(weights)).toEqual(new Set());
  });
});

let [calls, before] = [0, 0];

describe('a wrong guidance is found:', () => {
  it.each<[string, Property, GuidancePlugin]>([
    ['it ignores the strength', 'guidance', guidanceWith(() => ({ mix: () => sound }))],
    ['it pulls where nothing is asked for', 'guidance', guidanceWith(({ weight }) => ({ mix: () => linear(weight) }))],
    [
      'its predictions are changed places',
      'pull',
      guidanceWith(({ over }) => ({
        mix:
          () =>
          ({ own_lX, none_lX }) =>
            own_lX.map((c, i) => c + over * (none_lX[i]! - c)),
      })),
    ],
    [
      'its weight is twice what was asked for',
      'pull',
      guidanceWith(({ weight, over }) => ({ step: () => ({ weight: 1 + 2 * (weight - 1), mix: () => linear(over) }) })),
    ],
    [
      'it counts steps',
      'steps',
      guidanceWith(({ weight, over }) => ({
        step: ({ index }) => (index < 6 ? { weight, mix: () => linear(over) } : null),
      })),
    ],
    [
      'its option does nothing',
      'options',
      guidanceWith(({ weight, over }) => ({ step: () => ({ weight, mix: () => linear(over) }) })),
    ],
    [
      'it divides by a spread of nothing',
      'shapes',
      guidanceWith(({ over }) => ({
        mix: () => (given) => {
          const mixed = linear(over)(given);
          const most = Math.max(...Array.from(mixed));
          return Array.from(mixed, (one) => (one / most) * Math.max(...given.own_lX));
        },
      })),
    ],
    [
      'it gives half of the numbers',
      'shapes',
      guidanceWith(({ over }) => ({ mix: () => (given) => Array.from(linear(over)(given)).slice(1) })),
    ],
    ['its steps say no mix', 'shapes', guidanceWith(({ weight }) => ({ step: () => ({ weight }) }))],
    [
      'its weight is no number',
      'shapes',
      guidanceWith(({ over }) => ({ step: () => ({ weight: 0 / 0, mix: () => linear(over) }) })),
    ],
    [
      'it guides where it says that it has ended',
      'shapes',
      guidanceWith(({ weight, over }) => ({
        step: () => ({ weight, mix: () => linear(over) }),
        ended: ({ index, of }) => index >= of / 2,
      })),
    ],
    [
      'it ends and begins again',
      'steps',
      guidanceWith(({ weight, over }) => ({
        step: ({ index }) => (index % 2 ? null : { weight, mix: () => linear(over) }),
        ended: ({ index }) => index % 2 === 1,
      })),
    ],
    [
      'it draws by chance',
      'determinism',
      guidanceWith(({ over }) => ({ mix: () => linear(over * (1 + 0.01 * (calls++ % 7))) })),
    ],
    [
      'it remembers the step before',
      'determinism',
      guidanceWith(({ weight, over }) => {
        let last = 0;
        return {
          step: ({ index }) => {
            const pull = over * (last === index - 1 ? 1 : 0.9);
            last = index;
            return { weight, mix: () => linear(pull) };
          },
        };
      }),
    ],
    [
      'it remembers another image',
      'batch',
      guidanceWith(({ over }) => ({
        mix: () => (given) => {
          const mixed = linear(over * (before > 0 ? 1 : 0.8))(given);
          before = given.own_lX[0]!;
          return mixed;
        },
      })),
    ],
    [
      'it moves where both agree',
      'agreement',
      guidanceWith(({ over }) => ({
        mix: () => (given) => Array.from(linear(over)(given), (one) => one * (1 + 0.01 * over)),
      })),
    ],
    [
      'it takes the sum of scores for something',
      'choices',
      guidanceWith(({ over }) => ({
        mix: () => (given) => {
          const size = (values: ArrayLike<number>) =>
            Math.sqrt(Array.from(values).reduce((sum, one) => sum + one * one, 0));
          const mixed = linear(over)(given);
          const back = size(mixed) === 0 ? 1 : size(given.own_lX) / size(mixed);
          return Array.from(mixed, (one) => one * back);
        },
      })),
    ],
  ])('%s', async (_, property, plugin) => {
    [calls, before] = [0, 0];
    expect([...(await failing(plugin))]).toContain(property);
  });
});

/** Noise and a velocity from one layer: one Euler step. */
function headWith(
  change: {
    readonly ignores?: boolean;
    readonly swaps?: boolean;
    readonly bare?: boolean;
    readonly once?: boolean;
  } = {},
) {
  return defineHead({
    contract: 2,
    name: '@acme/one-step',
    space: 'continuous',
    mixes: 'velocity',
    config: object({}),
    options: () => object({}),
    build: (_, { width, space: { channels: C } }, { engine, weights }) => {
      const matrix = weights.param('weight', [C, width], { init: { kind: 'normal', std: 0.3 }, decay: true });
      const bias = weights.param('bias', [C], { init: { kind: 'zeros' }, decay: false });
      const program = engine.compile((hidden: Tensor3D): Tensor3D => nn.linear(hidden, matrix, bias), {
        name: 'one',
        axes: ['R l .'],
      });
      return {
        loss: ({ values_BlD }, { values_BlC }) =>
          tf.mean(tf.squaredDifference(nn.linear(values_BlD, matrix, bias), values_BlC), 2),
        sample: async ({ values_RlD, guided }, { rows, weight, mix, signal }) => {
          signal.throwIfAborted();
          const found = await program(values_RlD);
          const speed = await found.data<'float32'>();
          found.dispose();
          const [l, B] = [values_RlD.shape[1], rows.length];
          const size = l * C;
          const shape = { kind: 'velocity', tokens: l, width: C, groups: [C] } as const;
          const shared = change.once && mix?.(shape);
          const all = rows.flatMap((_row, row) => {
            const own_lX = Float64Array.from(speed.subarray(row * size, (row + 1) * size));
            if (!guided) return [...own_lX];
            const none_lX = Float64Array.from(speed.subarray((B + row) * size, (B + row + 1) * size));
            if (!mix || change.ignores) return [...Array.from(linear(weight - 1)({ own_lX, none_lX }))];
            const clean = { state_lX: new Float64Array(size), keep: 1, factor: 1 };
            const given = change.swaps ? { own_lX: none_lX, none_lX: own_lX, clean } : { own_lX, none_lX, clean };
            const bare = { own_lX: given.own_lX, none_lX: given.none_lX };
            return [...Array.from((shared || mix(shape))(change.bare ? bare : given))];
          });
          return { tokens: { values_BlC: tensorFrom(Float32Array.from(all), [B, l, C]) as Tensor3D } };
        },
        dispose: () => program.dispose(),
      };
    },
  }) as HeadPlugin;
}

describe('a head that lets guidances mix', () => {
  const mixing = (plugin: HeadPlugin) =>
    cases(plugin, { targets: ['eager'] }).filter(({ property }) => property === 'mixture');
  const found = async (plugin: HeadPlugin) => Promise.all(mixing(plugin).map(({ run }) => run().catch(String)));

  it('is held to it', async () => {
    expect(await found(headWith())).toEqual([undefined]);
    expect(String(await found(headWith({ ignores: true })))).toContain('a mixture that leaves them so');
    expect(String(await found(headWith({ swaps: true })))).toContain('a mixture that leaves them so');
    expect(String(await found(headWith({ bare: true })))).toContain('without the data that they stand for');
    expect(String(await found(headWith({ once: true })))).toContain('1 mixtures opened for 3 images');
  });
});
