import * as tf from '@tensorflow/tfjs';
import { beforeAll, describe, expect, it } from 'vitest';
import { codeTokenizer } from '../../fixtures/code-tokenizer.ts';
import { factorHead, type FactorFault } from '../../fixtures/factor-head.ts';
import { saysOf } from '../../fixtures/said.ts';
import type { SpaceShape, TokenizerPlugin } from '@tessera/core';
import { cases, type CasesOptions, type Property } from './index.ts';

/* As broken-heads.test.ts, for tokens of factors. */

beforeAll(() => tf.setBackend('cpu'));

const quick: CasesOptions = { targets: ['onnx'] };
const bits = (count: number): SpaceShape => ({
  kind: 'factors',
  channels: count,
  factors: Array.from({ length: count }, () => ({ levels: 2, channels: 1 })),
});

describe('the head of factors passes', () => {
  for (const { name, run } of cases(factorHead())) it(name, run);
});

it.each<[string, SpaceShape]>([
  ['40 bits', bits(40)],
  ['one codebook of 300 entries', { kind: 'factors', channels: 3, factors: [{ levels: 300, channels: 3 }] }],
])('it is judged on %s, too', async (_, space) => {
  expect(await saysOf(factorHead(), 'learning', { ...quick, space })).toBeNull();
});

const faults: readonly [string, Property, RegExp, FactorFault][] = [
  [
    'values that are no entry',
    'shapes',
    /as factor 0 .*an entry of its codebook/,
    { values: (all) => void (all[0]! += 0.1) },
  ],
  [
    'entries of the next level',
    'learning',
    /other than taught/,
    { levels: (levels, sizes) => levels.map((level, f) => (level + 1) % sizes[f]!) },
  ],
  ['two factors exchanged', 'learning', /other than taught/, { levels: ([a, b, ...rest]) => [b!, a!, ...rest] }],
  ['the last factor left out', 'learning', /other than taught/, { levels: (all) => [...all.slice(0, -1), 0] }],
  ['one race for all factors', 'learning', /other than taught/, { alike: true }],
  ['temperature ignored', 'temperature', /vary/, { temperature: () => 1 }],
  ['guidance squared', 'pull', /at guidance of the weight/, { weight: (w) => w * w }],
  ['guidance ignored', 'guidance', /nothing pulls/, { weight: () => 1 }],
  ['random numbers of all positions alike', 'chance', /positions/, { key: (key) => ({ ...key, position: 0 }) }],
  ['confidence of the wrong sign', 'confidence', /likelihood/, { confidence: (all) => all.map((one) => -one) }],
];

it.each(faults)('finds %s (%s)', async (_, property, words, fault) => {
  const said = await saysOf(factorHead(fault), property, quick);
  expect(said).toMatch(words);
  expect(said).toContain(`(property ${property})`);
});

/** Shades as tokens of two factors: how white is one codebook, how black another. */
const shades = { kind: 'factors', channels: 2, factors: [8, 8].map((levels) => ({ levels, channels: 1 })) } as const;

function factorTokenizer(scale = 1, contract: 1 | 2 = 2): TokenizerPlugin {
  return {
    ...codeTokenizer,
    contract,
    describe: (config) => ({ ...codeTokenizer.describe(config as never), space: shades }),
    build: (config, context) => {
      const built = codeTokenizer.build(config as never, context);
      const { codebook_VC } = built.space;
      const codebooks = tf.split(codebook_VC, 2, 1) as tf.Tensor2D[];
      return {
        ...built,
        space: { ...shades, codebooks },
        draw: (encoding) => ({ values_BlC: tf.tidy(() => tf.mul(built.draw(encoding).values_BlC, scale)) }),
        dispose: () => {
          tf.dispose(codebooks);
          built.dispose();
        },
      };
    },
  };
}

describe('a tokenizer of factors', () => {
  for (const { name, run } of cases(factorTokenizer(), quick)) it(`passes: ${name}`, run);

  it('draws entries of its codebooks', async () => {
    expect(await saysOf(factorTokenizer(1.1), 'codes', quick)).toMatch(/as factor 0/);
  });

  it('is of contract 2', async () => {
    expect(await saysOf(factorTokenizer(1, 1), 'shapes', quick)).toMatch(/space\.kind = 'factors' in contract 1/);
  });
});
