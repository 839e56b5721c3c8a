import * as tf from '@tensorflow/tfjs';
import { beforeAll, describe, expect, it } from 'vitest';
import { codeHead, normalHead } from '../../fixtures/faulty-heads.ts';
import { headFaults } from '../../fixtures/head-faults.ts';
import { lineHead } from '../../fixtures/line-head.ts';
import { saysOf } from '../../fixtures/said.ts';
import { schema, type Head, type HeadPlugin } from '../index.ts';
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

it.each(headFaults)('finds %s (%s)', async (_, property, words, fault, headOf) => {
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

/** A head whose `sample` is asked otherwise. */
function asked(head: HeadPlugin, change: (sample: Head['sample']) => Head['sample']): HeadPlugin {
  const build: HeadPlugin['build'] = (...given) => {
    const built = head.build(...given);
    return { ...built, sample: change(built.sample) };
  };
  return { ...head, build };
}

const { optional, integer, number, object } = schema;
const topK = object({ temperature: optional(number({ min: 0, max: 2 }), 1), topK: optional(integer({ min: 0 }), 0) });

describe('a head', () => {
  it.each<readonly [string, Property, RegExp, HeadPlugin]>([
    [
      'whose temperature stays 1 where it is guided',
      'temperature',
      /, with guidance/,
      asked(
        normalHead(),
        (sample) => (hidden, context) =>
          sample(hidden, hidden.guided ? { ...context, options: { temperature: 1 } } : context),
      ),
    ],
    [
      'whose topK of 1 leaves a choice',
      'options',
      /different codes for 6 hidden states with topK = 1/,
      {
        ...asked(codeHead(), (sample) => (hidden, context) => {
          const { temperature, topK: most } = context.options as { temperature: number; topK: number };
          return sample(hidden, { ...context, options: { temperature: temperature * (most > 0 ? 0.8 : 1) } });
        }),
        options: () => topK,
      },
    ],
    [
      'that says of its tokens what cannot be',
      'described',
      /a mean of -logProbability_Bl of 0 and one of entropy_Bl of 1 /,
      asked(codeHead(), (sample) => async (hidden, context) => ({
        ...(await sample(hidden, context)),
        describe: () => ({
          logProbability_Bl: new Float32Array(hidden.positions_Bl.length),
          entropy_Bl: new Float32Array(hidden.positions_Bl.length).fill(1),
        }),
      })),
    ],
    [
      'that goes on after an abort',
      'abort',
      /\d more calls of programs after an abort: look at the signal/,
      asked(normalHead(), (sample) => async (hidden, context) => {
        context.signal.throwIfAborted();
        for (let i = 0; i < 6; i++) {
          const { tokens } = await sample(hidden, { ...context, signal: new AbortController().signal });
          tokens.values_BlC.dispose();
        }
        return sample(hidden, context);
      }),
    ],
  ])('%s fails %s', async (_, property, words, head) => {
    expect(await saysOf(head, property, quick)).toMatch(words);
  });
});

describe('report', () => {
  it('is plain JSON with a stable name for every property', async () => {
    const done = await report(normalHead({ noise: 2 }), quick);
    expect(JSON.parse(JSON.stringify(done))).toEqual(done);
    expect(done).toMatchObject({ plugin: '@test/normal', kind: 'head', ok: false });
    expect(done.cases.filter(({ ok }) => !ok)).toEqual([
      {
        id: 'head/learning/onnx',
        name: '@test/normal: samples that show what was taught (learning on onnx)',
        ...{ property: 'learning', on: 'onnx', ok: false, ms: expect.any(Number) },
        message: expect.stringMatching(/vary 2 times as much as those that were taught/),
      },
    ]);
    const keys = done.cases.map(({ id }) => id);
    expect(new Set(keys).size).toBe(keys.length);
  });
});
