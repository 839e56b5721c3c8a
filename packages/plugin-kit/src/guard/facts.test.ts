import * as tf from '@tensorflow/tfjs';
import { beforeAll, describe, expect, it } from 'vitest';
import { changed, checkGuarded, refusal, type Changes } from '../../fixtures/changed-composition.ts';
import { smallParts } from '@tessera/core/testing';

/* What a plug-in says of itself is its own code too: it may be nothing, or not what is then built. */

beforeAll(() => tf.setBackend('cpu'));

const { tokenizer, backbone } = smallParts;
const [tokens, states] = [tokenizer.plugin.describe({}), backbone.plugin.describe({ width: 3 })];

describe('facts of no use name the plug-in', () => {
  const scales = [null, { start: 1, height: 2, width: 2 }];
  it.each<[kind: 'tokenizer' | 'backbone', facts: unknown, sentence: RegExp]>([
    [
      'tokenizer',
      undefined,
      /^\[shades\] got space\.kind = undefined; expected discrete or continuous or factors\. Correct/,
    ],
    [
      'tokenizer',
      { ...tokens, layout: { ...tokens.layout, length: 6 } },
      /^\[shades\] got a layout of 6 tokens whose scales cover 5/,
    ],
    ['tokenizer', null, /^\[shades\] got space\.kind = undefined/],
    ['tokenizer', { ...tokens, layout: null }, /^\[shades\] got layout\.scales = undefined/],
    ['tokenizer', { ...tokens, layout: { length: 5, scales } }, /^\[shades\] got layout\.scales\[0\] of undefined x/],
    [
      'tokenizer',
      { ...tokens, space: { kind: 'discrete', channels: 1n } },
      /^\[shades\] got an error of describe\(\): /,
    ],
    ['backbone', undefined, /^\[echo\] got width = undefined; expected a positive integer/],
    ['backbone', null, /^\[echo\] got width = undefined/],
    ['backbone', { ...states, remembers: 1 }, /^\[echo\] got remembers = 1; expected true or false/],
  ])('%s: %o', (kind, facts, sentence) => {
    const plugin = { ...smallParts[kind].plugin, describe: () => facts };
    expect(() => checkGuarded({ ...smallParts, [kind]: { plugin, config: {} } })).toThrow(
      expect.objectContaining({ name: 'TesseraError', message: expect.stringMatching(sentence) }),
    );
  });
});

describe('what is built otherwise is refused', () => {
  it.each<[string, RegExp, Changes]>([
    [
      'a tokenizer without a layout',
      /^part-misdescribed \[shades\] got layout\.scales = undefined; expected a list of scales\. Correct build\(\)/,
      { tokenizer: () => ({ layout: {} as never }) },
    ],
    [
      'a tokenizer that serves something else',
      /^part-misdescribed \[shades\] got discrete .*, serves 'last'; expected .*, serves 'estimate', as it describes/,
      { tokenizer: () => ({ serves: ['last'] }) },
    ],
    [
      'a backbone that reads something else',
      /^part-misdescribed \[echo\] got width 3, reads 'known'; expected width 3, reads 'estimate', as it describes/,
      { backbone: () => ({ reads: 'known' }) },
    ],
    [
      'a backbone of another width, for which the tokenizer is disposed',
      /^part-misdescribed \[echo\] got width 5, reads 'estimate'; expected width 3/,
      { backbone: () => ({ width: 5 }) },
    ],
    [
      'a rollout that remembers',
      /^part-misdescribed \[echo\] got a rollout that says remembers = true; expected remembers = false, as it/,
      {
        backbone: ({ openRollout }) => ({
          openRollout: async (...given) => ({ ...(await openRollout(...given)), remembers: true }),
        }),
      },
    ],
  ])('%s', async (_, sentence, changes) => {
    const { said, left } = await refusal(changed(changes));
    expect(said).toMatch(sentence);
    expect(left).toBe(0);
  });
});
