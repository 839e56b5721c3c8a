import * as tf from '@tensorflow/tfjs';
import type { Tensor1D, Tensor2D } from '@tensorflow/tfjs';
import type { ConditionPart, ConditionPlugin, Embedded } from '@tessera/core';
import { beforeAll, describe, expect, it } from 'vitest';
import { defineCondition, schema, tensorFrom } from '../index.ts';
import { cases, type CasesOptions, type Property } from './index.ts';

/* As broken-heads.test.ts, for conditions. */

beforeAll(() => tf.setBackend('cpu'));

type Shade = { readonly shade: number };

/** A shade from 0 to 1 as a learnt direction; none is another. */
function shadeWith(change: (part: ConditionPart<Shade>) => Partial<ConditionPart<Shade>>): ConditionPlugin {
  return defineCondition({
    contract: 2,
    name: '@acme/shade',
    config: schema.object({}),
    describe: () => ({ forms: ['vector'], classes: null }),
    input: () => schema.object({ shade: schema.number({ min: 0, max: 1 }) }),
    build: (_config, { width: D }, { weights }) => {
      const table_2D = weights.param('table', [2, D], { init: { kind: 'normal', std: 0.02 }, decay: true });
      const part: ConditionPart<Shade> = {
        axes: { shade_R: 'R' },
        encode: (values) => ({
          shade_R: tensorFrom(
            Float32Array.from(values, (one) => one?.shade ?? -1),
            [values.length],
          ),
        }),
        embed: ({ shade_R }, dropped_R) => {
          const none_R = tf.neg(tf.onesLike(shade_R!));
          const kept_R = dropped_R ? tf.where(dropped_R, none_R, shade_R!) : shade_R!;
          const isNone_R1 = tf.expandDims(tf.cast(tf.less(kept_R, 0), 'float32'), 1);
          const [shaded_1D, none_1D] = tf.split(table_2D, 2, 0);
          const own_RD = tf.mul(tf.mul(tf.sub(1, isNone_R1), tf.expandDims(kept_R, 1)), shaded_1D!);
          return { vector_RD: tf.add(own_RD, tf.mul(isNone_R1, none_1D!)) as Tensor2D };
        },
        dispose: () => undefined,
      };
      return { ...part, ...change(part) };
    },
  }) as ConditionPlugin;
}

const inputs = [{ shade: 0.25 }, { shade: 1 }];
const sound = shadeWith(() => ({}));

async function failing(plugin: ConditionPlugin, options: CasesOptions = { inputs }): Promise<Property[]> {
  const found = await Promise.all(
    cases(plugin, { targets: ['eager'], ...options }).map(async ({ property, run }) =>
      run().then(
        () => [],
        () => [property],
      ),
    ),
  );
  return found.flat();
}

const embedding = (change: (embedded: Embedded, shade_R: Tensor1D) => Embedded) =>
  shadeWith(({ embed }) => ({
    embed: (encoded, dropped_R, context) => change(embed(encoded, dropped_R, context), encoded['shade_R'] as Tensor1D),
  }));

describe('a sound condition passes', () => {
  for (const { name, run } of cases(sound, { inputs })) it(name, run);
});

describe('a broken condition', () => {
  it.each<readonly [string, Property, ConditionPlugin]>([
    ['gives another form', 'shapes', embedding(({ vector_RD }) => ({ map_RLD: tf.expandDims(vector_RD!, 1) }))],
    [
      'gives another width',
      'shapes',
      embedding(({ vector_RD }) => ({ vector_RD: tf.slice(vector_RD!, [0, 0], [-1, 4]) })),
    ],
    [
      'looks at other rows',
      'batch',
      embedding(({ vector_RD }) => ({ vector_RD: tf.add(vector_RD!, tf.mean(vector_RD!)) })),
    ],
    ['says the same of all', 'context', embedding(({ vector_RD }) => ({ vector_RD: tf.onesLike(vector_RD!) }))],
    [
      'keeps what is dropped',
      'guidance',
      shadeWith(({ embed }) => ({ embed: (encoded, _, context) => embed(encoded, null, context) })),
    ],
  ])('that %s fails %s', async (_, property, plugin) => {
    expect(await failing(plugin)).toContain(property);
  });

  it.each<readonly [string, NonNullable<ConditionPlugin['fit']>, boolean]>([
    ['is the same each time', (config) => config, false],
    ['differs each time', () => ({ drawn: Math.random() }), true],
    ['is refused by config', () => ({ words: ['a'] }), true],
  ])('whose fit() %s fails determinism: %#', async (_, fit, fails) => {
    expect((await failing({ ...sound, fit })).includes('determinism')).toBe(fails);
  });

  it.each<readonly [string, Property, ConditionPlugin]>([
    [
      'gives NaN for a shade that it takes',
      'inputs',
      embedding(({ vector_RD }, shade_R) => ({
        vector_RD: tf.div(vector_RD!, tf.expandDims(tf.cast(tf.notEqual(shade_R, 0.5), 'float32'), 1)) as Tensor2D,
      })),
    ],
    [
      'takes the brightest for the darkest',
      'inputs',
      shadeWith(({ encode }) => ({ encode: (values) => encode(values.map((one) => one && { shade: one.shade % 1 })) })),
    ],
    [
      'changes what it was asked',
      'shapes',
      shadeWith(({ encode }) => ({
        encode: (values) => {
          const encoded = encode(values);
          for (const one of values) if (one) Object.assign(one, { shade: 0 });
          return encoded;
        },
      })),
    ],
    [
      'keeps a tensor of build()',
      'dispose',
      ((): ConditionPlugin => {
        const build: ConditionPlugin['build'] = (...given) => {
          tf.ones([2]);
          return sound.build(...given);
        };
        return { ...sound, build };
      })(),
    ],
  ])('that %s fails %s', async (_, property, plugin) => {
    expect(await failing(plugin)).toContain(property);
  });

  it('has a fit() that makes what its own config() reads', async () => {
    const config = schema.refine(schema.object({ shades: schema.list(schema.number()) }), ({ shades }) =>
      shades.every((one, i) => i === 0 || one > shades[i - 1]!) ? null : 'shades that ascend',
    );
    const of = (sort: boolean): ConditionPlugin => ({
      ...sound,
      config,
      fit: (given, asked) => {
        const shades = asked.map((one) => (one as Shade).shade);
        return { shades: sort ? shades.sort((a, b) => a - b) : shades, ...(given as object) };
      },
    });
    const options = { config: { shades: [0.25, 1] }, inputs: [{ shade: 1 }, { shade: 0.25 }] };
    expect((await failing(of(true), options)).includes('determinism')).toBe(false);
    expect((await failing(of(false), options)).includes('determinism')).toBe(true);
  });

  it('needs inputs to try', async () => {
    expect(await failing(sound, {})).toContain('context');
  });

  it('is asked for what its author says', async () => {
    const own = [
      { name: 'half', input: { shade: 0.5 }, width: 2, weights: { table: [2, 4, 7, 8] }, embedded: [1, 2] },
      { name: 'none', input: null, width: 2, weights: { table: [2, 4, 7, 8] }, embedded: [7, 8] },
      { name: 'wrong', input: { shade: 1 }, width: 2, weights: { table: [2, 4, 7, 8] }, embedded: [2, 5] },
    ];
    const found = cases(sound, { targets: ['eager'], inputs, own }).filter(({ property }) => property === 'own');
    const said = await Promise.all(
      found.map(({ run }) =>
        run().then(
          () => null,
          (error: Error) => error.message,
        ),
      ),
    );
    expect(said).toEqual([null, null, expect.stringContaining('4 at 1, where 5 is due')]);
  });
});
