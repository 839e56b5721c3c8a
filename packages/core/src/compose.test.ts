import * as tf from '@tensorflow/tfjs';
import { isTesseraError } from '@tessera/errors';
import { createEngine } from '@tessera/targets';
import { beforeAll, describe, expect, it } from 'vitest';
import { checkParts, compose, type Parts } from './compose.ts';
import { nextScaleOrder } from './orders.ts';
import type { SpaceShape } from './tokens.ts';
import { echoBackbone, shadeHead, shadesTokenizer, smallMaterials, smallParts } from './testing/small-composition.ts';

beforeAll(() => tf.setBackend('cpu'));

function refusal(run: () => unknown): { code: string; message: string } {
  try {
    run();
  } catch (error) {
    if (isTesseraError(error)) return error;
    throw error;
  }
  throw new Error('was accepted');
}

const { tokenizer, order, backbone, head } = smallParts;

const bits: SpaceShape = {
  kind: 'factors',
  channels: 2,
  factors: [
    { levels: 2, channels: 1 },
    { levels: 3, channels: 1 },
  ],
};
const bitsTokenizer: typeof tokenizer.plugin = {
  ...shadesTokenizer,
  contract: 2,
  describe: () => ({ ...shadesTokenizer.describe({}), space: bits }),
  build: (config, context) => ({
    ...shadesTokenizer.build(config as never, context),
    space: { ...bits, codebooks: bits.factors.map(({ levels }) => tf.zeros([levels, 1])) },
  }),
};

/** Each exchanges one part for another that does not fit. */
const misfits: readonly [code: string, wording: RegExp, parts: Parts][] = [
  [
    'reads-not-served',
    /reads 'known'.*exchange the backbone or the tokenizer/,
    {
      ...smallParts,
      backbone: {
        ...backbone,
        plugin: {
          ...echoBackbone,
          describe: () => ({ width: 3, reads: 'known', condition: { kind: 'class', classes: 4 }, remembers: false }),
        },
      },
    },
  ],
  [
    'order-loses-tokens',
    /step is a set.*exchange the order or the backbone/,
    { ...smallParts, order: { ...order, plugin: { ...nextScaleOrder, name: 'random', stride: 'set' } } },
  ],
  [
    'order-revisits',
    /the order again, which draws tokens again, with the backbone echo, which .*exchange the order or the backbone/,
    { ...smallParts, order: { ...order, plugin: { ...nextScaleOrder, contract: 2, name: 'again', revisits: true } } },
  ],
  [
    'space-mismatch',
    /continuous tokens.*exchange the head or the tokenizer/,
    {
      ...smallParts,
      tokenizer: {
        ...tokenizer,
        plugin: {
          ...shadesTokenizer,
          describe: () => ({ ...shadesTokenizer.describe({}), space: { kind: 'continuous', channels: 1 } }),
        },
      },
    },
  ],
  [
    'space-mismatch',
    /the head shade, which scores the entries of a codebook; .*tokens of the tokenizer shades, whose factors have a codebook each/,
    { ...smallParts, tokenizer: { ...tokenizer, plugin: bitsTokenizer } },
  ],
  [
    'space-mismatch',
    /the head shade, which scores the factors of tokens; .*tokens of the tokenizer shades, whose codebook knows no factors/,
    { ...smallParts, head: { ...head, plugin: { ...shadeHead, contract: 2, space: 'factors' } } },
  ],
  [
    'confidence-missing',
    /the order surest.*which shade does not.*exchange the order or the head/,
    { ...smallParts, order: { ...order, plugin: { ...nextScaleOrder, name: 'surest', needsConfidence: true } } },
  ],
  [
    'one-scale',
    /one scale of the tokenizer shades.*exchange the order or the tokenizer/,
    {
      ...smallParts,
      tokenizer: {
        ...tokenizer,
        plugin: {
          ...shadesTokenizer,
          describe: () => {
            const layout = { length: 4, scales: [{ start: 0, height: 2, width: 2 }] };
            return { ...shadesTokenizer.describe({}), layout };
          },
        },
      },
    },
  ],
  ['field-unknown', /widht.*Did you mean width/, { ...smallParts, backbone: { ...backbone, config: { widht: 3 } } }],
  [
    'part-kind',
    /the head shade in the place of the order/,
    { ...smallParts, order: { ...order, plugin: shadeHead as unknown as typeof order.plugin } },
  ],
  ['part-contract', /contract 3/, { ...smallParts, head: { ...head, plugin: { ...shadeHead, contract: 3 as 1 } } }],
];

describe('compose', () => {
  it('builds parts that agree, and says what they are', () => {
    const facts = checkParts(smallParts);
    expect(facts).toMatchObject({
      width: 3,
      condition: { name: 'echo', classes: 4 },
      space: { vocabulary: 4 },
      layout: { length: 5 },
    });
    const { engine, weights } = smallMaterials(createEngine({ target: 'eager' }));
    const composition = compose(smallParts, { engine, weights });
    expect(composition.backbone.width).toBe(3);
    composition.tokenizer.dispose();
    engine.dispose();
  });

  it.each(misfits)('refuses with %s, before any weights are opened', (code, wording, parts) => {
    const error = refusal(() => checkParts(parts));
    expect(error.code).toBe(code);
    expect(error.message).toMatch(wording);
  });

  it('shows tokens of factors as continuous ones to backbones of contract 1 and heads of values', () => {
    const { engine, weights } = smallMaterials(createEngine({ target: 'eager' }));
    const met: unknown[] = [];
    const parts: Parts = {
      ...smallParts,
      tokenizer: { ...tokenizer, plugin: bitsTokenizer },
      backbone: {
        ...backbone,
        plugin: {
          ...echoBackbone,
          build: (config, dims, context) => (met.push(dims.space), echoBackbone.build(config as never, dims, context)),
        },
      },
      head: {
        ...head,
        plugin: {
          ...shadeHead,
          space: 'continuous',
          options: (space) => (met.push(space), shadeHead.options(space)),
          build: (config, dims, context) => (met.push(dims.space), shadeHead.build(config as never, dims, context)),
        },
      },
    };
    compose(parts, { engine, weights }).tokenizer.dispose();
    const continuous = { kind: 'continuous', channels: 2 };
    expect(met).toEqual([continuous, continuous, continuous]);
    engine.dispose();
  });

  it('disposes what was built where the next part cannot be built', () => {
    const { engine, weights } = smallMaterials(createEngine({ target: 'eager' }));
    const before = tf.memory().numTensors;
    const build = (): never => {
      throw new Error('no licence');
    };
    const parts = { ...smallParts, head: { ...head, plugin: { ...shadeHead, build } } };
    expect(() => compose(parts, { engine, weights })).toThrow('no licence');
    expect(tf.memory().numTensors).toBe(before);
    engine.dispose();
  });
});
