import * as tf from '@tensorflow/tfjs';
import type { Tensor2D } from '@tensorflow/tfjs';
import { TesseraError } from '@tessera/errors';
import { beforeAll, describe, expect, it } from 'vitest';
import { changed, checkGuarded, refusal, type Changes } from '../../fixtures/changed-composition.ts';
import type { Sampled } from '@tessera/core';
import { smallParts } from '@tessera/core/testing';

/* Faults of a plug-in besides throwing: each ends in one sentence that names the plug-in, and leaves nothing behind. */

beforeAll(() => tf.setBackend('cpu'));

const boom = () => {
  throw new Error('boom');
};

/** A head whose tokens are changed before anyone sees them. */
const drawing = (change: (sampled: Sampled) => unknown): Changes => ({
  head: ({ sample }) => ({ sample: async (...given) => change(await sample(...given)) as Sampled }),
});

function replaced({ tokens }: Sampled, change: Partial<Sampled['tokens']>): Sampled {
  for (const name of Object.keys(change)) tokens[name as keyof typeof tokens]!.dispose();
  return { tokens: { ...tokens, ...change } };
}

let kept: Sampled | null = null;

const cases: readonly [string, RegExp, Changes][] = [
  [
    'tokens that are not finite',
    /^part-numbers \[shade\] got NaN in tokens\.values_BlC of sample\(\) at step 1 of 2; expected finite.* Its hidden states are finite/,
    drawing((sampled) => replaced(sampled, { values_BlC: tf.fill([2, 1, 1], NaN) })),
  ],
  [
    'hidden states that are not finite',
    /^part-numbers \[shade\] .* Its hidden states hold Infinity too: look at the backbone/,
    {
      backbone: ({ openRollout }) => ({
        openRollout: async (...given) => ({
          ...(await openRollout(...given)),
          forward: async (_, { positions_Bl }) => ({
            values_RlD: tf.fill([2, 1, 3], Infinity),
            positions_Bl,
            guided: false,
          }),
        }),
      }),
      ...drawing((sampled) => replaced(sampled, { values_BlC: tf.fill([2, 1, 1], -Infinity) })),
    },
  ],
  [
    'an index outside the vocabulary',
    /^part-numbers \[shade\] got the index 4 of sample\(\) at step 1 of 2; expected 0 to 3/,
    drawing((sampled) => replaced(sampled, { index_Bl: tf.fill([2, 1], 4, 'int32') as Tensor2D })),
  ],
  [
    'tokens already disposed',
    /^part-shape \[shade\] got tokens\.values_BlC, already disposed of sample\(\)/,
    drawing((sampled) => (tf.dispose({ ...sampled.tokens }), sampled)),
  ],
  [
    'the same tokens twice',
    /^part-shape \[shade\] got tokens\.values_BlC, already disposed/,
    drawing((sampled) => {
      if (kept !== null) tf.dispose({ ...sampled.tokens });
      return (kept ??= sampled);
    }),
  ],
  [
    'a promise of tokens',
    /^part-shape \[shade\] got no tensor tokens\.values_BlC of sample/,
    drawing(({ tokens }) => (tf.dispose({ ...tokens }), { tokens: { values_BlC: Promise.resolve(1) } })),
  ],
  [
    'no error but a string',
    /^part-failed \[shade\] got an error of sample\(\): 'no licence';/,
    { head: () => ({ sample: () => Promise.reject('no licence') }) },
  ],
  [
    'an object that is no error',
    /^part-failed \[shade\] got an error of sample\(\): \{ code: 5, words: "no licence" \};/,
    { head: () => ({ sample: () => Promise.reject({ code: 5, words: 'no licence' }) }) },
  ],
  [
    'an object without a prototype',
    /^part-failed \[shade\] got an error of sample\(\): \{\};/,
    { head: () => ({ sample: () => Promise.reject(Object.create(null)) }) },
  ],
  [
    'an abort without a request for one',
    /^part-failed \[shade\] got an error of sample\(\): The operation timed out/,
    { head: () => ({ sample: () => Promise.reject(new DOMException('The operation timed out', 'AbortError')) }) },
  ],
  [
    'hidden states taken away',
    /^part-took \[shade\] got a tensor that sample\(\) was lent, disposed/,
    {
      head: ({ sample }) => ({
        sample: (hidden, context) => sample(hidden, context).finally(() => hidden.values_RlD.dispose()),
      }),
    },
  ],
  [
    'hidden states taken away before they are used',
    /^part-took \[shade\] got a tensor that sample\(\) was lent, disposed/,
    {
      head: ({ sample }) => ({
        sample: async (hidden, context) => {
          hidden.values_RlD.dispose();
          return sample(hidden, context);
        },
      }),
    },
  ],
  [
    'a program whose error has its own name',
    /^shape-odd \[shade\] got 3 tokens \(in logistic, of sample\(\)\); expected 2\. Cut them\.$/,
    {
      head: () => ({
        sample: async () => {
          const parts = { code: 'shape-odd', who: 'logistic', got: '3 tokens', expected: '2', next: 'Cut them.' };
          throw new TesseraError(parts);
        },
      }),
    },
  ],
  [
    'tokens taken away',
    /^part-took \[shades\] got a tensor that canvas\.write\(\) was lent/,
    {
      tokenizer: ({ openCanvas }) => ({
        openCanvas: (...given) => ({
          ...openCanvas(...given),
          write: async (_, { values_BlC }) => values_BlC.dispose(),
        }),
      }),
    },
  ],
  [
    'an order that opens later',
    /^part-shape \[next-scale\] got a promise of open\(\)/,
    { order: () => ({ open: later }) },
  ],
  [
    'a read of another shape',
    /^part-shape \[shades\] got values_BlC of \[2, 3, 1\] float32 of canvas\.read\(\); expected \[2, 1, 1\]/,
    {
      tokenizer: ({ openCanvas }) => ({
        openCanvas: (...given) => ({
          ...openCanvas(...given),
          read: async () => ({ reads: 'estimate', values_BlC: tf.zeros([2, 3, 1]) }),
        }),
      }),
    },
  ],
  [
    'guidance that is not heeded',
    /^part-shape \[echo\] got guided = true of forward\(\); expected false, as asked/,
    {
      backbone: ({ openRollout }) => ({
        openRollout: async (...given) => {
          const rollout = await openRollout(...given);
          return { ...rollout, forward: async (...asked) => ({ ...(await rollout.forward(...asked)), guided: true }) };
        },
      }),
    },
  ],
];

/** Its rejection, which has no handler, must not end the process. */
function later(): never {
  return Promise.reject(new Error('later')) as never;
}

it.each(cases)('names the part and the rule: %s', async (_, sentence, changes) => {
  const { said, left } = await refusal(changed(changes));
  expect(said).toMatch(sentence);
  expect(left).toBe(0);
});

describe('what cannot be disposed', () => {
  const plan: Changes['order'] = ({ open }) => ({ open: (...given) => ({ ...open(...given), dispose: boom }) });
  const canvas: Changes['tokenizer'] = ({ openCanvas }) => ({
    openCanvas: (...given) => ({ ...openCanvas(...given), dispose: boom }),
  });
  const rollout: Changes['backbone'] = ({ openRollout }) => ({
    openRollout: async (...given) => ({ ...(await openRollout(...given)), dispose: boom }),
  });

  it.each<[string, Changes, RegExp]>([
    ['plan', { order: plan }, /^part-failed \[next-scale\] got an error of dispose\(\) of a plan: boom/],
    ['canvas', { tokenizer: canvas }, /^part-failed \[shades\] got an error of canvas\.dispose\(\): boom/],
    ['rollout', { backbone: rollout }, /^part-failed \[echo\] got an error of dispose\(\) of a rollout: boom/],
  ])('is named: %s', async (_, changes, sentence) => {
    const { said, left } = await refusal(changed(changes));
    expect(said).toMatch(sentence);
    expect(left).toBe(0);
  });

  it('does not hide the first error, and keeps nothing else from being disposed', async () => {
    const head: Changes['head'] = () => ({ sample: boom });
    let disposed = false;
    const watched: Changes['order'] = ({ open }) => ({
      open: (...given) => ({ ...open(...given), dispose: () => void (disposed = true) }),
    });
    const { said, left } = await refusal(changed({ tokenizer: canvas, backbone: rollout, head, order: watched }));
    expect(said).toMatch(/^part-failed \[shade\] got an error of sample\(\): boom/);
    expect([disposed, left]).toEqual([true, 0]);
  });

  it('does not hide why a composition could not be built', async () => {
    const { said } = await refusal(
      changed({
        tokenizer: () => ({ dispose: boom }),
        backbone: () => ({ dispose: boom }),
        head: () => ({ loss: undefined as never }),
      }),
    );
    expect(said).toMatch(/^part-shape \[shade\] got an answer without loss/);
  });
});

describe('schemas', () => {
  const head = smallParts.head.plugin;
  const withHead = (changes: object) => () =>
    checkGuarded({ ...smallParts, head: { plugin: { ...head, ...changes }, config: {} } });

  it.each<[string, object, RegExp]>([
    [
      'a config that throws',
      { config: { json: {}, parse: boom } },
      /\[shade\] got an error of config\.parse\(\): boom/,
    ],
    ['a config that answers later', { config: { json: {}, parse: later } }, /\[shade\] got a promise of config\.parse/],
    ['options that throw', { options: boom }, /\[shade\] got an error of options\(\): boom/],
    ['options that come later', { options: later }, /\[shade\] got a promise of options\(\)/],
    [
      'options that are no schema',
      { options: () => ({ json: {} }) },
      /\[shade\] got an answer without parse of options/,
    ],
    ['options without JSON Schema', { options: () => ({ parse: boom }) }, /an answer without json of options\(\)/],
    [
      'a JSON Schema that is no data',
      { options: () => ({ parse: boom, json: { properties: { steps: null } } }) },
      /\[shade\] got a value of options\(\)\.json; expected the JSON Schema of an object/,
    ],
  ])('name the plug-in: %s', (_, changes, sentence) => {
    expect(withHead(changes)).toThrow(sentence);
  });
});
