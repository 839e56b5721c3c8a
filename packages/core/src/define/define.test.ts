import * as tf from '@tensorflow/tfjs';
import { describe, expect, expectTypeOf, it } from 'vitest';
import { z } from 'zod';
import { checkParts } from '../compose.ts';
import { smallParts } from '../../fixtures/small-composition.ts';
import { shadesTokenizer } from '../../fixtures/small-parts.ts';
import type { HeadPlugin, OrderPlugin } from '../plugin.ts';
import { schema } from '../schema.ts';
import { defineHead } from './define-head.ts';
import { defineOrder } from './define-order.ts';
import { checkContract } from './plugin-contract.ts';
import { checkName } from './plugin-name.ts';

const gaussian = defineHead({
  contract: 1,
  name: '@acme/gaussian',
  space: 'continuous',
  config: z.object({ floor: z.number().positive().default(0.01) }),
  options: () => schema.object({ temperature: schema.optional(schema.number({ min: 0 }), 1) }),
  build: ({ floor }) => ({
    loss: ({ values_BlD }) => tf.mul(tf.mean(values_BlD, -1), floor),
    sample: async ({ values_RlD }, { options }) => ({
      tokens: { values_BlC: tf.mul(values_RlD, options.temperature) },
    }),
    dispose: () => undefined,
  }),
});

describe('definers', () => {
  it('infer configuration and options from the schemas of any library', () => {
    expectTypeOf(gaussian).toEqualTypeOf<HeadPlugin<{ floor: number }, { readonly temperature: number }>>();
    expect(gaussian).toMatchObject({ kind: 'head', contract: 1, name: '@acme/gaussian', space: 'continuous' });
    expect(gaussian.config.parse({}, 'acme')).toEqual({ floor: 0.01 });
    expect(gaussian.options({ kind: 'continuous', channels: 2 }).json.properties).toHaveProperty('temperature');
  });

  it('refuse names that a model folder could not hold', () => {
    for (const name of ['gaussian', 'next-scale', '@acme/gaussian', '@acme-lab/g2'])
      expect(() => checkName(name)).not.toThrow();
    for (const name of ['Gaussian', 'a b', '@acme', 'acme/gaussian', '-a', 'a--b', '', '@acme/../x']) {
      expect(() => checkName(name)).toThrow(expect.objectContaining({ code: 'part-name' }));
    }
    const order = { contract: 1, name: 'Bad Name', stride: 'set', config: schema.object({}) } as const;
    expect(() => defineOrder({ ...order, options: () => schema.object({}), build: () => ({}) as never })).toThrow(
      'Rename it',
    );
  });

  it('refuse a schema that forms could not show', () => {
    const dated = { contract: 1, name: '@acme/dated', config: z.object({ at: z.date() }) } as const;
    const build = () => ({}) as never;
    expect(() => defineHead({ ...dated, space: 'continuous', options: () => schema.object({}), build })).toThrow(
      expect.objectContaining({ code: 'schema-foreign' }),
    );
  });
});

describe('contract', () => {
  it('says who must be updated, both ways', () => {
    expect(() => checkContract({ name: '@acme/new', contract: 3 }, [1, 2])).toThrow(
      'got a plug-in for contract 3; expected contract 1 or 2, which this release of Tessera speaks. Update Tessera',
    );
    expect(() => checkContract({ name: '@acme/old', contract: 1 }, [2, 3])).toThrow(
      'Install a newer release of @acme/old.',
    );
    expect(() => checkContract({ name: '@acme/fits', contract: 2 }, [1, 2])).not.toThrow();
    const order = { ...smallParts.order.plugin, contract: 2 as unknown as 1 } satisfies OrderPlugin;
    expect(() => checkParts({ ...smallParts, order: { plugin: order, config: {} } })).toThrow('Update Tessera');
  });
});

describe('describe', () => {
  const described = (facts: object) => () =>
    checkParts({
      ...smallParts,
      tokenizer: {
        plugin: { ...shadesTokenizer, describe: () => ({ ...shadesTokenizer.describe({}), ...facts }) },
        config: {},
      },
    });

  it('is checked before anything is built', () => {
    expect(described({ space: { kind: 'discrete', channels: 1.5, vocabulary: 4 } })).toThrow(
      '[shades] got space.channels = 1.5; expected a positive integer. Correct describe() of shades',
    );
    expect(described({ space: { kind: 'discrete', channels: 1, vocabulary: 0 } })).toThrow('space.vocabulary = 0');
    expect(described({ space: { kind: 'fuzzy' } })).toThrow('discrete or continuous');
    expect(described({ serves: [] })).toThrow('serves = []');
    expect(described({ layout: { length: 0, scales: [] } })).toThrow('cover every token');
    expect(described({ layout: { length: 1, scales: [{ start: 0, height: -1, width: -1 }] } })).toThrow(
      'positive integers',
    );
    expect(described({ layout: undefined })).toThrow('layout.scales');
  });

  it('names the plug-in when it throws', () => {
    const describe = () => {
      throw new Error('no licence');
    };
    const backbone = { plugin: { ...smallParts.backbone.plugin, describe }, config: {} };
    expect(() => checkParts({ ...smallParts, backbone })).toThrow('[echo] got an error of describe(): no licence');
  });
});
