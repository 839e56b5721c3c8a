import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs';
import type { Scalar, Tensor2D, Tensor3D } from '@tensorflow/tfjs';
import { classOf, type Head, type Hidden, type SampleContext, type Step } from '@tessera/core';
import { keyedRng, tensorFrom, type Engine, type SampleRng } from '@tessera/engine';
import { createEngine, fileTensor } from '@tessera/targets';
import { furthest, goldenWeights, readGolden } from '@tessera/goldens';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { categoricalHead, categoricalLoss, type CategoricalOptions } from './head.ts';

const V = 64;
const D = 64;
const forced = readGolden('var_tiny_tf');
const hidden = forced.numbers('out.head_nm') as Float32Array;
const logits = forced.numbers('out.logits') as Float32Array;

beforeAll(() => tf.setBackend('cpu'));

it('reads a codebook that lies in a file at the first step alone', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'tessera-codebook-'));
  const path = join(folder, 'codebook');
  writeFileSync(
    path,
    Float32Array.from({ length: 2 * V }, (_, i) => i),
  );
  const codebook_VC = fileTensor({ path, offset: 0, shape: [V, 2], dtype: 'float32' }) as Tensor2D;
  const engine = createEngine({ target: 'onnx', threads: 1 });
  const space = { kind: 'discrete', channels: 2, vocabulary: V, codebook_VC } as const;
  const weights = goldenWeights(readGolden('weights/var_tiny'));
  const head = categoricalHead.build(
    categoricalHead.config.parse({}, 'test'),
    { width: D, space },
    { engine, weights },
  );
  const values_RlD = tensorFrom(hidden.slice(0, D), [1, 1, D]) as Tensor3D;
  const positions_Bl = Int32Array.of(0);
  const draw = async () => {
    const step: Step = { index: 0, of: 2, before: 0, after: 1, positions_Bl };
    const context = { step, rows: [{ seed: 0, condition: classOf(0) }], weight: 1, rng: keyedRng([0]) };
    const options = { topK: 1, topP: 0, smooth: false };
    const signal = new AbortController().signal;
    const seen = { values_RlD, positions_Bl, guided: false };
    const { tokens } = await head.sample(seen, { ...context, options, signal });
    const [first, second] = await tokens.values_BlC.data();
    tf.dispose([tokens.values_BlC, tokens.index_Bl!]);
    return [first, second];
  };
  const before = await draw();
  expect(before[1]! - before[0]!).toBe(1);
  rmSync(folder, { recursive: true });
  expect(await draw()).toEqual(before);
  tf.dispose([values_RlD, codebook_VC]);
  head.dispose();
  engine.dispose();
});

describe.each(['eager', 'onnx'] as const)('categoricalHead on %s', (target) => {
  let engine: Engine;
  let head: Head<CategoricalOptions>;
  const weights = goldenWeights(readGolden('weights/var_tiny'));
  /** Entry v is (v, -v): tokens tell which index they came from. */
  const codebook = Float32Array.from({ length: 2 * V }, (_, i) => (i % 2 === 0 ? i / 2 : -(i - 1) / 2));
  const codebook_VC = tensorFrom(codebook, [V, 2]) as Tensor2D;

  beforeAll(() => {
    engine = createEngine({ target, threads: 1 });
    const space = { kind: 'discrete', channels: 2, vocabulary: V, codebook_VC } as const;
    const config = categoricalHead.config.parse({}, 'test');
    head = categoricalHead.build(config, { width: D, space }, { engine, weights });
  });
  afterAll(() => {
    head.dispose();
    engine.dispose();
  });

  /** Draws for the 30 recorded positions of two images; greedy unless told otherwise. */
  async function draw(changes: Partial<SampleContext<CategoricalOptions>> = {}, values = hidden, guided = false) {
    const rows = [0, 1].map((seed) => ({ seed, condition: classOf(0) }));
    const positions_Bl = Int32Array.from({ length: 60 }, (_, token) => token % 30);
    const step: Step = { index: 1, of: 2, before: 30, after: 0, positions_Bl };
    const values_RlD = tensorFrom(Float32Array.from(values), [values.length / (30 * D), 30, D]) as Tensor3D;
    const seen: Hidden = { values_RlD, positions_Bl, guided };
    const options = { topK: 1, topP: 0, smooth: false };
    const signal = new AbortController().signal;
    const { tokens } = await head.sample(seen, {
      step,
      rows,
      weight: 1,
      rng: keyedRng([0, 1]),
      options,
      signal,
      ...changes,
    });
    const values_BlC = (await tokens.values_BlC.data<'float32'>()).slice();
    const index = tokens.index_Bl && [...(await tokens.index_Bl.data())];
    tf.dispose([values_RlD, tokens.values_BlC, ...(tokens.index_Bl ? [tokens.index_Bl] : [])]);
    return { values: values_BlC, index };
  }

  it('draws the likeliest of the recorded logits with top-k 1, and their codebook entries', async () => {
    await draw(); // compiles
    const before = tf.memory().numTensors;
    const { values, index } = await draw();
    expect(index).toEqual(likeliest(logits));
    expect([...values]).toEqual(index!.flatMap((v) => [v, -v]));
    expect(tf.memory().numTensors).toBe(before);
  });

  it('mixes guided rows by u + w (c - u)', async () => {
    const half = hidden.length / 2;
    const twice = (part: Float32Array) => Float32Array.from([...part, ...part]);
    const [first, second] = [hidden.subarray(0, half), hidden.subarray(half)];
    const rows = Float32Array.from([...twice(first), ...twice(second)]);
    const { index } = await draw({ weight: 3 }, rows, true);
    const size = logits.length / 2;
    const mixed = logits.subarray(size).map((u, i) => u + 3 * (logits[i]! - u));
    expect(index).toEqual(likeliest(twice(mixed)));
  });

  it('draws by keys: a token depends on its row, step and position alone', async () => {
    const keys: string[] = [];
    const base = keyedRng([0, 1]);
    const rng: SampleRng = {
      ...base,
      exponential: (key, count) => {
        keys.push(`${key.row} ${key.stream} ${key.step} ${key.position} ${count}`);
        return base.exponential(key, count);
      },
    };
    const options = { topK: 0, topP: 0, smooth: true };
    const { index } = await draw({ rng, options });
    expect(index).toBeUndefined();
    expect(keys).toHaveLength(120);
    expect(keys.slice(0, 2)).toEqual(['0 token 1 0 64', '0 gumbel 1 0 64']);
    expect(keys.at(-1)).toBe('1 gumbel 1 29 64');
  });

  it('blends smoothed tokens within the codebook', async () => {
    const { values } = await draw({ options: { topK: 2, topP: 0, smooth: true } });
    for (let token = 0; token < 60; token++) {
      expect(values[2 * token]!).toBeGreaterThanOrEqual(0);
      expect(values[2 * token]!).toBeLessThanOrEqual(V - 1);
      expect(values[2 * token + 1]!).toBeCloseTo(-values[2 * token]!, 4);
    }
  });

  it('refuses logits that are not numbers', async () => {
    await expect(draw({}, Float32Array.from(hidden).fill(NaN, 70, 71))).rejects.toThrow('not finite');
  });
});

describe('categoricalLoss', () => {
  const index = Int32Array.from({ length: 60 }, (_, token) => (token * 7) % V);

  it.each([
    ['eager', 0],
    ['eager', 0.1],
    ['onnx', 0],
    ['onnx', 0.1],
  ] as const)('is, on %s, the cross entropy of the target smoothed by %d', async (target, smoothing) => {
    const engine = createEngine({ target, threads: 1 });
    const program = engine.compile(
      (logits_BLV: Tensor3D, index_BL: Tensor2D) => categoricalLoss(logits_BLV, index_BL, smoothing),
      { name: 'loss' },
    );
    const given = [
      tensorFrom(logits, [2, 30, V]) as Tensor3D,
      tensorFrom(index, [2, 30], 'int32') as Tensor2D,
    ] as const;
    const loss = await program(...given);
    expect(loss.shape).toEqual([2, 30]);
    expect(furthest(await loss.data(), crossEntropies(smoothing))).toBeLessThan(1e-5);
    tf.dispose([...given, loss]);
    engine.dispose();
  });

  it('has the gradient softmax - target', () => {
    tf.tidy(() => {
      const index_BL = tf.tensor2d(index, [2, 30], 'int32');
      const gradient = tf.grad((x) => tf.sum(categoricalLoss(x as Tensor3D, index_BL, 0.1)) as Scalar);
      const expected = tf.sub(
        tf.softmax(tf.tensor3d(logits, [2, 30, V])),
        tf.oneHot(index_BL, V, 0.9 + 0.1 / V, 0.1 / V, 'float32'),
      );
      expect(furthest(gradient(tf.tensor3d(logits, [2, 30, V])).dataSync(), expected.dataSync())).toBeLessThan(1e-5);
    });
  });

  /** In doubles, by the definition. */
  function crossEntropies(smoothing: number): number[] {
    return [...index].map((target, token) => {
      const row = [...logits.subarray(token * V, (token + 1) * V)];
      const largest = Math.max(...row);
      const normaliser = largest + Math.log(row.reduce((sum, logit) => sum + Math.exp(logit - largest), 0));
      const mean = row.reduce((sum, logit) => sum + logit, 0) / V;
      return normaliser - (1 - smoothing) * row[target]! - smoothing * mean;
    });
  }
});

describe('categoricalHead', () => {
  it('checks its options and names the nearest', () => {
    const options = categoricalHead.options({ kind: 'discrete', channels: 8, vocabulary: 64 });
    expect(options.parse({}, 'test')).toEqual({ topK: 0, topP: 0, smooth: false });
    expect(() => options.parse({ top_k: 3 }, 'test')).toThrow('Did you mean topK?');
    expect(() => options.parse({ topP: 1.5 }, 'test')).toThrow('from 0 to 1');
  });

  it('bounds top-k by a vocabulary that is known', () => {
    const { json, parse } = categoricalHead.options({ kind: 'discrete', channels: 8, vocabulary: 64 });
    expect(json.properties!['topK']).toMatchObject({ minimum: 0, maximum: 64 });
    expect(parse({ topK: 64 }, 'test')).toMatchObject({ topK: 64 });
    expect(() => parse({ topK: 65 }, 'test')).toThrow('got topK = 65; expected an integer from 0 to 64');
  });
});

function likeliest(values: Float32Array): number[] {
  return Array.from({ length: values.length / V }, (_, token) => {
    const row = values.subarray(token * V, (token + 1) * V);
    return row.indexOf(Math.max(...row));
  });
}
