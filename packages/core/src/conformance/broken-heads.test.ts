import * as tf from '@tensorflow/tfjs';
import type { Tensor2D } from '@tensorflow/tfjs';
import { beforeAll, describe, expect, it } from 'vitest';
import { codeHead, normalHead, type HeadFault } from '../../fixtures/faulty-heads.ts';
import { lineHead } from '../../fixtures/line-head.ts';
import { saysOf } from '../../fixtures/said.ts';
import { schema, type HeadPlugin } from '../index.ts';
import { cases, report, type CasesOptions, type Property } from './index.ts';

/*
 * The tests of the tests: a head that keeps every rule passes, and one with a single fault fails the check of the rule that
 * it breaks. Faults of shapes and calls are in broken-calls.test.ts.
 */

beforeAll(() => tf.setBackend('cpu'));

const quick: CasesOptions = { targets: ['onnx'] };

describe.each([
  ['line head', lineHead, { options: { noise: 0.6 } }],
  ['head of normal numbers', normalHead(), {}],
  ['head of codes', codeHead(), {}],
] as const)('the %s passes', (_, head, options) => {
  for (const { name, run } of cases(head as HeadPlugin, options)) it(name, run);
});

const spread = (loss_Bl: Tensor2D, of: 'mean' | 'sum'): Tensor2D =>
  tf.add(tf.zerosLike(loss_Bl), of === 'mean' ? tf.mean(loss_Bl) : tf.sum(loss_Bl));

let calls = 0;

/** Faults that heads of values and of codes have alike. */
const either: readonly [string, Property, RegExp, HeadFault][] = [
  ['temperature ignored', 'temperature', /vary/, { temperature: () => 1 }],
  [
    'temperature ignored, as an option',
    'options',
    /nothing that changes with temperature = 0/,
    { temperature: () => 1 },
  ],
  ['temperature inverted', 'temperature', /vary/, { temperature: (t) => 1 / Math.max(t, 0.1) }],
  ['guidance squared', 'pull', /at guidance of the weight/, { weight: (w) => w * w }],
  ['guidance doubled', 'pull', /at guidance of the weight/, { weight: (w) => 2 * w - 1 }],
  ['guidance halved', 'pull', /at guidance of the weight/, { weight: (w) => (w + 1) / 2 }],
  ['guidance reversed', 'pull', /at guidance of the weight/, { weight: (w) => 2 - w }],
  ['guidance above 1 alone doubled', 'pull', /at guidance of the weight 2/, { weight: (w) => (w > 1 ? 2 * w - 1 : w) }],
  ['weight twice what it is', 'guidance', /apart/, { weight: (w) => 2 * w }],
  ['weight half of what it is', 'guidance', /apart/, { weight: (w) => w / 2 }],
  ['the null class taken for the class', 'guidance', /apart/, { weight: (w) => 1 - w }],
  ['guidance ignored', 'guidance', /nothing pulls/, { weight: () => 1 }],
  ['noise doubled', 'learning', /vary 2 times|p\^0\.4/, { noise: 2 }],
  ['noise halved', 'learning', /vary 0\.49 times|p\^[12]/, { noise: 0.5 }],
  ['loss of the wrong sign', 'learning', /./, { loss: (loss_Bl) => tf.neg(loss_Bl) }],
  ['mean of all losses', 'targets', /another token moved/, { loss: (loss_Bl) => spread(loss_Bl, 'mean') }],
  ['sum of all losses', 'targets', /another token moved/, { loss: (loss_Bl) => spread(loss_Bl, 'sum') }],
  [
    "mean of an image's losses",
    'targets',
    /another token moved/,
    { loss: (loss_Bl) => tf.add(tf.zerosLike(loss_Bl), tf.mean(loss_Bl, 1, true)) },
  ],
  ["the neighbour's loss", 'targets', /another token moved/, { loss: (loss_Bl) => tf.reverse(loss_Bl, 1) }],
  ['a loss of nothing', 'targets', /does not move/, { loss: (loss_Bl) => tf.onesLike(loss_Bl) }],
  ['random numbers of the first row for all', 'batch', /apart/, { key: (key) => ({ ...key, row: 0 }) }],
  ['random numbers of two rows alike', 'chance', /rows/, { key: (key) => ({ ...key, row: key.row & ~1 }) }],
  ['random numbers of all positions alike', 'chance', /positions/, { key: (key) => ({ ...key, position: 0 }) }],
  ['random numbers of all steps alike', 'chance', /steps/, { key: (key) => ({ ...key, step: 0 }) }],
  ['random numbers of one key for two things', 'chance', /drawn twice for one key, row 0, stream/, { again: true }],
];

/** Faults of values. */
const ofValues: typeof either = [
  ['4e-4 of Math.random', 'determinism', /apart/, { values: (all) => void (all[0]! += 4e-4 * Math.random()) }],
  ['a memory of calls', 'determinism', /apart/, { values: (all) => void (all[0]! += 1e-6 * ++calls) }],
  [
    "other rows' outputs, where outputs start at zero",
    'batch',
    /apart/,
    {
      zeros: true,
      found: (all) => all.map((value) => value + 0.01 * all.reduce((most, one) => Math.max(most, one), 0)),
    },
  ],
  ['all numbers of a token alike', 'chance', /numbers of a token/, { drawn: (all) => all.map(() => all[0]!) }],
  [
    'noise of one number alone doubled',
    'learning',
    /vary/,
    { drawn: (all) => all.map((one, c) => (c === 0 ? 2 * one : one)) },
  ],
  ['numbers of a token reversed', 'learning', /means/, { values: (all) => void all.reverse() }],
  [
    'the hidden state of the first token for all',
    'learning',
    /means/,
    { found: (all, n) => all.map((_, i) => all[i % (all.length / n)]!) },
  ],
  ['no noise', 'learning', /vary \S+e-7 times/, { noise: 0 }],
];

/** Faults of codes. */
const ofCodes: typeof either = [
  [
    'an index shifted against its value',
    'codes',
    /codebook at their indices/,
    { index: (all, V) => void all.forEach((v, i) => (all[i] = (v + 1) % V)) },
  ],
  ['values that are no entry', 'codes', /codebook at their indices/, { values: (all) => void (all[0]! += 0.1) }],
  [
    'an index shifted',
    'learning',
    /other than taught/,
    { index: (all, V) => void all.forEach((v, i) => (all[i] = (v + 1) % V)) },
  ],
  ['an index beyond the vocabulary', 'shapes', /the index 7 /, { index: (all, V) => void all.fill(V) }],
  ['confidence of the wrong sign', 'confidence', /likelihood/, { confidence: (all) => all.map((one) => -one) }],
  ['confidence of nothing', 'confidence', /likelihood/, { confidence: (all) => all.map((_, i) => -((i * 7) % 5)) }],
];

const each = [
  ...either.flatMap(([fault, ...rest]) => [
    [`${fault}, of values`, ...rest, normalHead] as const,
    [`${fault}, of codes`, ...rest, codeHead] as const,
  ]),
  ...ofValues.map((one) => [...one, normalHead] as const),
  ...ofCodes.map((one) => [...one, codeHead] as const),
];

it.each(each)('finds %s (%s)', async (_, property, words, fault, headOf) => {
  const said = await saysOf(headOf(fault), property, quick);
  expect(said).toMatch(words);
  expect(said).toContain(`(property ${property})`);
});

/** The head of normal numbers with an option more. */
function withOption(option: Parameters<typeof schema.object>[0]): HeadPlugin {
  const head = normalHead();
  return {
    ...head,
    options: () => schema.object({ temperature: schema.optional(schema.number({ min: 0, max: 2 }), 1), ...option }),
  };
}

describe('options', () => {
  const idle = { extra: schema.optional(schema.integer({ min: 0, max: 9 }), 3) };
  const text = { extra: schema.optional(schema.string(), '') };

  it.each([
    ['does nothing', idle, {}, /nothing that changes with extra = 0, extra = 3, extra = 4, extra = 9/],
    ['is a text', text, {}, /the option extra, of which nothing could be tried: give some in `values`/],
    ['is a text that does nothing', text, { values: { extra: ['a', 'b'] } }, /nothing that changes with extra = "a"/],
    ['is neutral without a reason', idle, { neutral: { extra: '' } }, /neutral without a reason/],
    [
      'is called neutral and matters',
      {},
      { neutral: { temperature: 'so far' } },
      /changes with temperature, which was/,
    ],
    ['is not there', {}, { neutral: { warmth: 'gone' } }, /a reason for warmth, which is no option/],
  ] as const)('finds one that %s', async (_, option, given, words) => {
    expect(await saysOf(withOption(option), 'options', { ...quick, ...given })).toMatch(words);
  });

  it('lets one be neutral with a reason', async () => {
    expect(await saysOf(withOption(idle), 'options', { ...quick, neutral: { extra: 'only how fast' } })).toBeNull();
  });

  it('says which value a head cannot stand', async () => {
    const head = normalHead({
      values: (all, { options }) => void ((options as { temperature: number }).temperature === 10 && all.fill(NaN)),
    });
    expect(await saysOf(head, 'options', quick)).toMatch(/NaN in tokens\.values_BlC .* with temperature = 10/);
  });
});

describe('report', () => {
  it('is plain JSON with a stable name for every property', async () => {
    const done = await report(normalHead({ noise: 2 }), quick);
    expect(JSON.parse(JSON.stringify(done))).toEqual(done);
    expect(done).toMatchObject({ plugin: '@test/normal', kind: 'head', ok: false });
    expect(done.cases.filter(({ ok }) => !ok)).toEqual([
      {
        name: '@test/normal: samples that show what was taught (learning on onnx)',
        ...{ property: 'learning', on: 'onnx', ok: false, ms: expect.any(Number) },
        message: expect.stringMatching(/vary 2 times as much as those that were taught/),
      },
    ]);
    const keys = done.cases.map(({ property, on }) => `${property} ${on}`);
    expect(new Set(keys).size).toBe(keys.length);
  });
});
