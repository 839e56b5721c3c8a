import { setTimeout as sleep } from 'node:timers/promises';
import * as tf from '@tensorflow/tfjs';
import type { Tensor3D } from '@tensorflow/tfjs';
import { beforeAll, describe, expect, it } from 'vitest';
import { lineHead } from '../../fixtures/line-head.ts';
import { saysOf } from '../../fixtures/said.ts';
import type { Head } from '@tessera/core';
import type { AnyPlugin, HeadPlugin } from '../index.ts';
import type { CasesOptions, Property } from './index.ts';

/* As broken-heads.test.ts: what is wrong with the calls of a head, and not with what it draws. */

beforeAll(() => tf.setBackend('cpu'));

const quick: CasesOptions = { targets: ['onnx'], options: { noise: 0.6 }, patience: 300 };

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

/** A loss without information: always 1, with the gradients of the true one. */
const stuck = tf.customGrad((loss) => {
  const value = tf.onesLike(loss as tf.Tensor2D);
  return { value, gradFunc: (dy) => dy as tf.Tensor };
}) as (loss: tf.Tensor) => tf.Tensor2D;

const promised = () => ({ values_BlC: Promise.resolve(tf.zeros([1])) }) as never;

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
    /^part-conformance \[line\] got tokens\.values_BlC of \[2\] float32 of sample\(\) \(due: \[2, 4, 3\] float32\) on onnx; expected answers of the shapes and types of the contract \(property shapes\)\.$/,
    headWith(() => ({ sample: async () => ({ tokens: { values_BlC: tf.zeros([2]) as never } }) })),
  ],
  [
    'abort',
    /^part-conformance \[line\] got tokens\.values_BlC of \[2\] .* \(due: .*\) on onnx; expected an end within one step/,
    headWith(() => ({ sample: async () => ({ tokens: { values_BlC: tf.zeros([2]) as never } }) })),
  ],
  [
    'abort',
    /tokens for a signal that had aborted before: signal\.throwIfAborted\(\) is missing on onnx/,
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
];

it.each(broken)('names what is broken: %s (%s)', async (property, words, plugin) => {
  const said = await saysOf(plugin, property, quick);
  expect(said).toMatch(words);
  expect(said).toContain('part-conformance');
  expect(said).toContain(`(property ${property})`);
});

describe('a part that never answers', () => {
  const mute = headWith(() => ({ sample: () => new Promise(() => undefined) }));

  it.each(['shapes', 'determinism', 'batch', 'guidance', 'learning', 'pull', 'chance', 'options', 'leaks'] as const)(
    'fails its case in time: %s',
    async (property) => {
      const said = await saysOf(mute, property, { ...quick, limit: 700 });
      expect(said).toMatch(/no end after 0\.7 s: something never answers, or is slow on onnx/);
    },
  );
});
