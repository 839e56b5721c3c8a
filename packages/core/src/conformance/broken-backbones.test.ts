import * as tf from '@tensorflow/tfjs';
import type { Tensor3D } from '@tensorflow/tfjs';
import { beforeAll, describe, expect, it } from 'vitest';
import { lineBackbone } from '../../fixtures/line-backbone.ts';
import { pixelTokenizer } from '../../fixtures/pixel-tokenizer.ts';
import type { Backbone, Rollout, Tokenizer } from '../contracts.ts';
import type { BackbonePlugin, TokenizerPlugin } from '../plugin.ts';
import { cases, type Property } from './index.ts';

/* As broken.test.ts, for backbones and tokenizers. */

beforeAll(() => tf.setBackend('cpu'));

describe.each([
  ['backbone', lineBackbone],
  ['tokenizer', pixelTokenizer],
] as const)('the smallest %s passes', (_, plugin) => {
  for (const { name, run } of cases(plugin)) it(name, run);
});

function backboneWith(change: (backbone: Backbone) => Partial<Backbone>): BackbonePlugin {
  const build: typeof lineBackbone.build = (...given) => {
    const backbone = lineBackbone.build(...given);
    return { ...backbone, ...change(backbone) };
  };
  return { ...lineBackbone, build };
}

function rolloutWith(change: (rollout: Rollout, rows: number, guided: boolean) => Partial<Rollout>): BackbonePlugin {
  return backboneWith(({ openRollout }) => ({
    openRollout: async (rows, guidance) => {
      const rollout = await openRollout(rows, guidance);
      return { ...rollout, ...change(rollout, rows.length, guidance.active) };
    },
  }));
}

const forwardPlus = (add: (rows: number, guided: boolean) => number): BackbonePlugin =>
  rolloutWith(({ forward }, rows, guided) => ({
    forward: async (...given) => {
      const hidden = await forward(...given);
      const values_RlD = tf.tidy(() => tf.add(hidden.values_RlD, add(rows, guided)) as Tensor3D);
      hidden.values_RlD.dispose();
      return { ...hidden, values_RlD };
    },
  }));

function tokenizerWith(change: (tokenizer: Tokenizer) => Partial<Tokenizer>): TokenizerPlugin {
  const build: typeof pixelTokenizer.build = (...given) => {
    const tokenizer = pixelTokenizer.build(...given);
    return { ...tokenizer, ...change(tokenizer) };
  };
  return { ...pixelTokenizer, build };
}

/** Hidden states said to be of position 0 alone. */
function placing(dtype: 'float32' | 'int32'): BackbonePlugin {
  return backboneWith(({ teach }) => ({
    teach: (lesson, context) => ({
      ...teach(lesson, context),
      positions_Bl: tf.zeros(lesson.order_BL.shape, dtype) as tf.Tensor2D,
    }),
  }));
}

/** Two scales of a token each and of the rest, and estimates that are those tokens themselves. */
const scaled = {
  layout: {
    length: 4,
    scales: [
      { start: 0, height: 1, width: 1 },
      { start: 1, height: 1, width: 3 },
    ],
  },
};
const foreseeing: TokenizerPlugin = {
  ...tokenizerWith(() => ({
    ...scaled,
    estimates: (values_BLC) => tf.slice(values_BLC, [0, 1, 0], [-1, 3, -1]),
  })),
  describe: () => ({ ...pixelTokenizer.describe({}), ...scaled }),
};

let calls = 0;
const left: tf.Tensor[] = [];
const disposeOnce = () => {
  let gone = false;
  return {
    dispose: () => {
      if (gone) throw new Error('disposed twice');
      gone = true;
    },
  };
};

const broken: readonly [Property, RegExp, BackbonePlugin | TokenizerPlugin][] = [
  ['shapes', /width 5/, backboneWith(() => ({ width: 5 }))],
  ['shapes', /positions_Bl of \[2, 9\] float32 of teach\(\) \(due: \[2, 9\] int32\)/, placing('float32')],
  ['shapes', /positions_Bl of teach\(\) that are not the lesson's order/, placing('int32')],
  ['determinism', /apart/, forwardPlus(() => ++calls)],
  ['batch', /apart/, forwardPlus((rows) => rows)],
  ['guidance', /apart/, forwardPlus((_, guided) => (guided ? 1 : 0))],
  [
    'causality',
    /tokens to come/,
    backboneWith(({ teach }) => ({
      teach: (lesson, context) => {
        const { values_BlD } = teach(lesson, context);
        return { values_BlD: tf.add(values_BlD, tf.sum(lesson.values_BLC)), positions_Bl: null };
      },
    })),
  ],
  ['cache', /teach and rollout/, forwardPlus(() => 1)],
  [
    'loss',
    /NaN/,
    backboneWith(({ teach }) => ({
      teach: (lesson, context) => ({ values_BlD: tf.mul(teach(lesson, context).values_BlD, NaN), positions_Bl: null }),
    })),
  ],
  ['leaks', /2 tensors after two rollouts/, rolloutWith(() => ({ dispose: () => void left.push(tf.zeros([1])) }))],
  ['dispose', /twice/, backboneWith(disposeOnce)],
  [
    'shapes',
    /got continuous .*, serves 'known', 'last' \(due: continuous .*, serves 'last', as it describes itself\) on eager/,
    { ...pixelTokenizer, describe: () => ({ ...pixelTokenizer.describe({}), serves: ['last'] }) },
  ],
  [
    'determinism',
    /apart/,
    tokenizerWith(({ draw }) => ({ draw: (...given) => ({ values_BlC: tf.add(draw(...given).values_BlC, ++calls) }) })),
  ],
  [
    'batch',
    /apart/,
    tokenizerWith(({ encode }) => ({
      encode: async (image) => {
        const { moments } = await encode(image);
        const mixed = tf.tidy(() => tf.add(moments!, tf.sum(moments!)));
        moments!.dispose();
        return { moments: mixed };
      },
    })),
  ],
  ['causality', /tokens to come/, foreseeing],
  [
    'kept',
    /kept picture/,
    tokenizerWith(({ openCanvas }) => ({ openCanvas: (rows, _, reads) => openCanvas(rows, null, reads) })),
  ],
  [
    'leaks',
    /2 tensors after one picture/,
    tokenizerWith(({ encode }) => ({
      encode: (image) => {
        left.push(tf.zeros([1]));
        return encode(image);
      },
    })),
  ],
  ['dispose', /twice/, tokenizerWith(disposeOnce)],
];

it.each(broken)('names what is broken: %s (%s)', async (property, words, plugin) => {
  const [check] = cases(plugin, { targets: ['eager'] }).filter((one) => one.property === property);
  const error = await check!.run().then(
    () => null,
    (reason: Error) => reason,
  );
  expect(error?.message).toMatch(words);
  expect(error).toMatchObject({ code: 'part-conformance', message: expect.stringContaining(`(property ${property})`) });
});
