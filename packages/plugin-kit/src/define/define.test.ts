import * as tf from '@tensorflow/tfjs';
import type { Tensor2D } from '@tensorflow/tfjs';
import { describe, expect, expectTypeOf, it } from 'vitest';
import { z } from 'zod';
import { checkContract, type HeadPlugin, type OrderPlugin } from '@tessera/core';
import { schema } from '@tessera/schema';
import { shadesTokenizer, smallParts } from '@tessera/core/testing';
import { checkGuarded } from '../../fixtures/changed-composition.ts';
import { checkName, checkPlugin } from './check-plugin.ts';
import { defineBackbone, defineHead, defineOrder, defineTokenizer } from './define.ts';
import { defineFeatureNetwork } from './feature-network.ts';

const layout = { length: 4, scales: [{ start: 0, height: 2, width: 2 }] };

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
    for (const name of ['Gaussian', 'a b', '@acme', 'acme/gaussian', '-a', 'a--b', '', '@acme/../x', 'a'.repeat(215)]) {
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

/** As plain JavaScript writes it, where nothing checks types. */
const plain = (given: unknown) => given as Parameters<typeof defineHead>[0];
const whole = {
  contract: 1,
  name: '@acme/plain',
  space: 'continuous',
  config: schema.object({}),
  options: () => schema.object({}),
  build: () => ({}) as never,
} as const;

describe('a definition of plain JavaScript', () => {
  it.each([
    [undefined, '[defineHead] got undefined; expected the definition of a head.'],
    [() => whole, '[defineHead] got the function without a name; expected the definition'],
    [{ ...whole, name: undefined }, '[defineHead] got a plug-in without a name; expected lower-case words'],
    [{ ...whole, build: undefined }, '[@acme/plain] got a head without build(); expected a head with it.'],
    [{ ...whole, options: {} }, '[@acme/plain] got a head without options()'],
    [{ ...whole, config: undefined }, '[@acme/plain] got a head without config; expected a schema'],
    [{ ...whole, space: 'factors' }, "[@acme/plain] got space = 'factors' in contract 1; expected contract 2"],
    [{ ...whole, space: 'latent' }, '[@acme/plain] got space = "latent"; expected discrete or continuous or factors.'],
  ])('%o is refused where it is written', (given, sentence) => {
    expect(() => defineHead(plain(given))).toThrow(sentence);
  });

  it.each(['describe', 'build'])('lacks %s() of a tokenizer or a backbone', (method) => {
    const given = { ...whole, describe: () => ({}) as never, [method]: undefined };
    expect(() => defineTokenizer(given as never)).toThrow(`[@acme/plain] got a tokenizer without ${method}()`);
    expect(() => defineBackbone(given as never)).toThrow(`[@acme/plain] got a backbone without ${method}()`);
  });
});

describe('a feature network', () => {
  const whole = {
    contract: 1,
    name: '@acme/clip',
    licence: 'MIT',
    dims: 4,
    classCount: 0,
    open: async () => ({}) as never,
  } as const;

  it('is defined by its facts and how it is opened', () => {
    expect(defineFeatureNetwork(whole)).toMatchObject({ kind: 'feature-network', name: '@acme/clip', dims: 4 });
    for (const change of [{ name: 'A b' }, { licence: '' }, { dims: 1.5 }, { classCount: -1 }, { open: undefined }]) {
      expect(() => defineFeatureNetwork({ ...whole, ...change } as never)).toThrow(/part|lower-case|expected/);
    }
  });
});

describe('checkPlugin', () => {
  it.each([
    [42, '[plugins[3]] got 42; expected a plug-in.'],
    ['a'.repeat(200), /^\[plugins\[3\]\] got "aa.* more characters .*; expected a plug-in/],
    [10n, 'got 10n; expected'],
    [undefined, '[plugins[3]] got undefined'],
    [null, '[plugins[3]] got null'],
    [function headOf() {}, '[plugins[3]] got the function headOf'],
    [Promise.resolve(gaussian), '[plugins[3]] got a promise (await it'],
    [{ gaussian }, '[plugins[3]] got an object of gaussian, without kind'],
    [{ kind: 'hat' }, '[plugins[3]] got a value of kind "hat"'],
    [{ ...gaussian, name: 'kl' }, '[kl] got a plug-in named kl, of no package; expected a name with the scope'],
    [{ ...gaussian, package: 7 }, '[@acme/gaussian] got package = 7; expected'],
  ])('says of %o what it is and where it stands', (given, sentence) => {
    expect(() => checkPlugin(given, 'plugins[3]')).toThrow(sentence);
  });

  it('takes a name without a scope from a package that it names', () => {
    expect(() => checkPlugin({ ...gaussian, name: 'spiral', package: 'acme-spiral' })).not.toThrow();
  });
});

describe('a head for discrete tokens', () => {
  const discrete = {
    ...whole,
    space: 'discrete',
    options: ({ vocabulary }: { vocabulary: number }) => schema.object({ topK: schema.integer({ max: vocabulary }) }),
  } as const;

  it('is given a codebook by its types, and tokens without one are refused', () => {
    const head = defineHead({
      ...discrete,
      build: (_, { space }) => {
        expectTypeOf(space.codebook_VC).toEqualTypeOf<Tensor2D>();
        expectTypeOf(space.kind).toEqualTypeOf<'discrete'>();
        return {} as never;
      },
    });
    expect(head.options({ kind: 'discrete', channels: 1, vocabulary: 9 }).json.properties).toHaveProperty('topK');
    expect(() => head.options({ kind: 'continuous', channels: 1 })).toThrow('[@acme/plain] got continuous tokens');
  });

  it('and one for values meets both kinds', () => {
    defineHead({
      ...whole,
      build: (_, { space }) => {
        expectTypeOf(space.kind).toEqualTypeOf<'discrete' | 'continuous'>();
        expectTypeOf(space).not.toHaveProperty('codebook_VC');
        return {} as never;
      },
    });
  });
});

describe('a head for tokens of factors', () => {
  it('is given their codebooks by its types, and other tokens are refused', () => {
    const head = defineHead({
      ...whole,
      contract: 2,
      space: 'factors',
      options: ({ factors }) => schema.object({ steps: schema.integer({ max: factors.length }) }),
      build: (_, { space }) => {
        expectTypeOf(space.codebooks).toEqualTypeOf<readonly Tensor2D[]>();
        return {} as never;
      },
    });
    const factors = [{ levels: 2, channels: 1 }];
    expect(head.options({ kind: 'factors', channels: 1, factors }).json.properties).toHaveProperty('steps');
    expect(() => head.options({ kind: 'discrete', channels: 1, vocabulary: 9 })).toThrow(
      '[@acme/plain] got discrete tokens; expected tokens of factors: it scores these.',
    );
  });
});

describe('options', () => {
  const withOption = (name: string) => ({ ...whole, options: () => schema.object({ [name]: schema.boolean() }) });
  const tokens = { kind: 'continuous', channels: 1 } as const;

  it.each(['guidanceFrom', 'top k', 'a=b', '', '0', '\u001b[31m'])('may not be called %j', (name) => {
    const code = name === 'guidanceFrom' ? 'option-taken' : 'option-name';
    const refused = expect.objectContaining({
      code,
      message: expect.stringMatching(/^\[@acme\/plain\] got an option/),
    });
    const head = defineHead(withOption(name));
    expect(() => head.options(tokens)).toThrow(refused);
    expect(() => defineOrder({ ...withOption(name), stride: 'set' }).options(layout)).toThrow(refused);
    const raw = { ...head, options: withOption(name).options };
    expect(() => checkGuarded({ ...smallParts, head: { plugin: raw, config: {} } })).toThrow(refused);
  });

  it.each(['temperature', 'top_p', 'top-k', 'K2'])('may be called %j', (name) => {
    expect(() => defineHead(withOption(name)).options(tokens)).not.toThrow();
  });

  const ofCore = () => schema.object({ warm: schema.optional(schema.number({ min: 0, max: 1 }), 5) });
  const ofZod = () => z.object({ warm: z.number().max(1).default(5) });
  it.each<[string, HeadPlugin, string]>([
    ['of core', defineHead({ ...whole, options: ofCore }) as HeadPlugin, 'default = 5'],
    ['of zod', defineHead({ ...whole, options: ofZod }) as HeadPlugin, 'a default of warm that'],
  ])('have defaults that they take themselves: %s', (_, head, words) => {
    expect(() => head.options(tokens)).toThrow(expect.objectContaining({ code: 'default-invalid' }));
    expect(() => head.options(tokens)).toThrow(words);
  });

  it('of zod may nest, and fields without a default may be missing', () => {
    const sized = (side: number) =>
      z.object({ width: z.number(), box: z.object({ side: z.number().max(8).default(side), deep: z.number() }) });
    expect(() => defineHead({ ...whole, config: sized(8) })).not.toThrow();
    expect(() => defineHead({ ...whole, config: sized(9) })).toThrow(
      '[@acme/plain config] got a default of box.side that its own schema refuses',
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
    const order = { ...smallParts.order.plugin, contract: 3 as unknown as 1 } satisfies OrderPlugin;
    expect(() => checkGuarded({ ...smallParts, order: { plugin: order, config: {} } })).toThrow('Update Tessera');
  });
});

describe('describe', () => {
  const described = (facts: object) => () =>
    checkGuarded({
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
    const bits = { kind: 'factors', channels: 2, factors: [{ levels: 2, channels: 1 }] };
    expect(described({ space: bits })).toThrow('space.factors of 1 channels together; expected 2');
    expect(described({ space: { ...bits, factors: [] } })).toThrow('space.factors = []; expected a list of factors');
    const single = { ...bits, channels: 1, factors: [{ levels: 1, channels: 1 }] };
    expect(described({ space: single })).toThrow('two levels or more');
    expect(described({ space: { ...bits, channels: 1 } })).toThrow("space.kind = 'factors' in contract 1");
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
    expect(() => checkGuarded({ ...smallParts, backbone })).toThrow('[echo] got an error of describe(): no licence');
  });
});
