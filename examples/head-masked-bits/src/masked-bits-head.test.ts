import { cases, readConformance } from '@tessera/plugin-kit/conformance';
import * as tf from '@tensorflow/tfjs';
import type { Tensor3D } from '@tensorflow/tfjs';
import { classOf, keyedRng, type Head, type Weights } from '@tessera/plugin-kit';
import { initialValues } from '@tessera/core';
import { tensorFrom, type Param } from '@tessera/engine';
import { createEngine } from '@tessera/targets';
import { beforeAll, describe, expect, it } from 'vitest';
import { drawLevel, rounds } from './drawing.ts';
import { maskedBitsHead } from './masked-bits-head.ts';

beforeAll(() => tf.setBackend('cpu'));

// What the kit is to know, and cases of your own.
const settings = readConformance(new URL('../conformance.json', import.meta.url));

describe('maskedBitsHead', () => {
  for (const { name, run } of cases(maskedBitsHead, settings[maskedBitsHead.name])) it(name, run);
});

/** Trains a head on tokens of three equal bits, all 0 or all 1, whose hidden state says nothing. */
async function taught(use: (head: Head, losses: readonly number[]) => Promise<void>): Promise<void> {
  const engine = createEngine({ target: 'onnx', threads: 1 });
  const params: Param[] = [];
  const weights: Weights = {
    has: () => false,
    param: (name, shape, { init, decay }) => {
      const size = shape.reduce((product, one) => product * one, 1);
      const variable = tf.variable(tensorFrom(initialValues(init, name, { size, seed: 1 }), [...shape]));
      params.push({ name, variable, decay });
      return variable;
    },
  };
  const factors = Array.from({ length: 3 }, () => ({ levels: 2, channels: 1 }));
  const space = {
    kind: 'factors',
    channels: 3,
    factors,
    codebooks: factors.map(() => tf.tensor2d([[-1], [1]])),
  } as const;
  const config = maskedBitsHead.config.parse({ blocks: 1, width: 16 }, 'test');
  const head = maskedBitsHead.build(config, { width: 2, space }, { engine, weights }) as Head;
  const bits = Float32Array.from({ length: 3 * 64 }, (_, i) => (Math.floor(i / 3) % 2 === 0 ? -1 : 1));
  const batch = { values_BlC: tensorFrom(bits, [4, 16, 3]), hidden_BlD: tf.ones([4, 16, 2]) };
  const step = engine.compileTrainStep({
    name: 'equal-bits',
    params,
    loss: ({ values_BlC, hidden_BlD }, rng) => {
      const hidden = { values_BlD: hidden_BlD as Tensor3D, positions_Bl: null };
      return {
        loss: tf.mean(head.loss(hidden, { values_BlC: values_BlC as Tensor3D }, { rng, train: true })),
        aux: {},
      };
    },
    ...{ betas: [0.9, 0.95], eps: 1e-8, clip: null, ema: false },
  });
  const losses: number[] = [];
  for (let key = 0; key < 200; key++)
    losses.push((await step.run([batch], { learningRate: 0.02, weightDecay: 0, emaDecay: 0, key })).loss);
  await step.sync('params');
  await use(head, losses);
  head.dispose();
  engine.dispose();
}

/** Bits of 64 tokens. */
async function drawn(head: Head, options: object): Promise<Float32Array> {
  const values_RlD = tf.ones([4, 16, 2]) as Tensor3D;
  const positions_Bl = Int32Array.from({ length: 64 }, (_, i) => i % 16);
  const seeds = [1, 2, 3, 4];
  const { tokens } = await head.sample(
    { values_RlD, positions_Bl, guided: false },
    {
      step: { index: 0, of: 1, before: 16, after: 0, positions_Bl },
      rows: seeds.map((seed) => ({ seed, condition: classOf(0) })),
      weight: 1,
      rng: keyedRng(seeds),
      options: { temperature: 1, ...options },
      signal: new AbortController().signal,
    },
  );
  return tokens.values_BlC.data<'float32'>();
}

const equal = (bits: Float32Array): number =>
  bits.filter((bit, i) => i % 3 === 0 && bit === bits[i + 1] && bit === bits[i + 2]).length;

it('draws bits that depend on one another, where each sees those before it', async () => {
  await taught(async (head, losses) => {
    const late = losses.slice(-50).reduce((sum, one) => sum + one, 0) / 50;
    // A token has a probability of one half: log 2 nats, against 3 log 2 before.
    expect(losses[0]).toBeCloseTo(3 * Math.LN2, 1);
    expect(late).toBeLessThan(1.3 * Math.LN2);
    const each = await drawn(head, { bitSteps: 3 });
    expect(equal(each)).toBeGreaterThan(58);
    expect(each.filter((bit) => bit === 1).length).toBeGreaterThan(48);
    expect(equal(await drawn(head, { bitSteps: 1 }))).toBeLessThan(32);
  });
});

it('divides bits among steps', () => {
  expect(rounds(6, 6).map(([from, to]) => to - from)).toEqual([1, 1, 1, 1, 1, 1]);
  expect(rounds(7, 3)).toEqual([
    [0, 2],
    [2, 4],
    [4, 7],
  ]);
});

it('draws a level as often as it is likely, and at the temperature 0 the likeliest', () => {
  const logits = Float64Array.of(Math.log(0.2), Math.log(0.5), Math.log(0.3));
  const counts = [0, 0, 0];
  for (let i = 0; i < 4000; i++) {
    const race = keyedRng([i]).exponential({ row: 0, stream: 'race', step: 0, position: 0 }, 3);
    counts[drawLevel(logits, race, 1).level]! += 1 / 4000;
    expect(drawLevel(logits, race, 0).level).toBe(1);
  }
  for (const [v, share] of [0.2, 0.5, 0.3].entries()) expect(Math.abs(counts[v]! - share)).toBeLessThan(0.04);
  const { logProbability, entropy, level } = drawLevel(logits, Float32Array.of(1, 1, 1), 1);
  expect([level, logProbability]).toEqual([1, expect.closeTo(Math.log(0.5), 6)]);
  expect(entropy).toBeCloseTo(-(0.2 * Math.log(0.2) + 0.5 * Math.log(0.5) + 0.3 * Math.log(0.3)), 6);
});
