import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { toFloat16Bytes, writeSafetensors } from '@tessera/checkpoints';
import { isTesseraError, type TesseraError } from '@tessera/errors';
import { fileWeights, freshWeights, savedTensors, writeWeights, type FreshWeights } from './weight-files.ts';

let folder: string;
beforeEach(async () => void (folder = await mkdtemp(join(tmpdir(), 'tessera-weights-'))));
afterEach(() => rm(folder, { recursive: true }));

const spec = { init: { kind: 'normal', std: 0.5 }, decay: true } as const;
const zeros = { init: { kind: 'zeros' }, decay: false } as const;

async function refusal(work: () => unknown): Promise<TesseraError> {
  try {
    await work();
  } catch (error) {
    if (isTesseraError(error)) return error;
    throw error;
  }
  throw new Error('was accepted');
}

async function values(tensor: tf.Tensor): Promise<number[]> {
  return [...((await tensor.data()) as Float32Array)];
}

function build(weights: FreshWeights): Record<'a' | 'b' | 'rows' | 'count', tf.Tensor> {
  return {
    a: weights.param('a', [40, 50], spec),
    b: weights.param('b', [7], zeros),
    rows: weights.param('rows', [3, 2], {
      init: {
        kind: 'rows',
        parts: [
          { rows: 1, init: { kind: 'constant', value: 5 } },
          { rows: 2, init: { kind: 'uniform', bound: 0.25 } },
        ],
      },
      decay: false,
    }),
    count: weights.param('count', [1], { init: { kind: 'ones' }, decay: false, trainable: false }),
  };
}

describe('fresh weights', () => {
  it('start by seed and name, whatever else is built', async () => {
    const before = tf.memory().numTensors;
    const [one, two, other] = [freshWeights(1), freshWeights(1), freshWeights(2)];
    two.param('before', [3], spec);
    const [a1, a2, a3] = [build(one).a, build(two).a, build(other).a];
    expect(await values(a1)).toEqual(await values(a2));
    expect(await values(a1)).not.toEqual(await values(a3));
    expect(await values(two.param('before', [3], spec))).not.toEqual((await values(a1)).slice(0, 3));
    const numbers = await values(a1);
    const mean = numbers.reduce((sum, value) => sum + value, 0) / numbers.length;
    const std = Math.sqrt(numbers.reduce((sum, value) => sum + (value - mean) ** 2, 0) / numbers.length);
    expect(Math.abs(mean)).toBeLessThan(0.05);
    expect(Math.abs(std - 0.5)).toBeLessThan(0.03);
    for (const weights of [one, two, other]) weights.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });

  it('tells the trainer which parameters there are, and what is none', async () => {
    const weights = freshWeights(3);
    const { b, rows, count } = build(weights);
    expect(weights.params.map(({ name, decay }) => [name, decay])).toEqual([
      ['a', true],
      ['b', false],
      ['rows', false],
    ]);
    expect(weights.buffers.map(({ name }) => name)).toEqual(['count']);
    expect(weights.params[1]!.variable).toBe(b);
    expect(await values(b)).toEqual(new Array(7).fill(0));
    expect(await values(count)).toEqual([1]);
    const [first, second, ...rest] = await values(rows);
    expect([first, second]).toEqual([5, 5]);
    expect(new Set(rest).size).toBe(4);
    expect(Math.max(...rest.map(Math.abs))).toBeLessThan(0.25);
    weights.dispose();
  });

  it('go to a file and come back', async () => {
    const path = join(folder, 'w.safetensors');
    const [saved, resumed] = [freshWeights(4), freshWeights(5)];
    const { a } = build(saved);
    const { a: again } = build(resumed);
    await writeWeights(path, savedTensors(saved), { dtype: 'float32' });
    const before = tf.memory().numTensors;
    await resumed.loadFrom(path);
    expect(tf.memory().numTensors).toBe(before);
    expect(await values(again)).toEqual(await values(a));
    resumed.param('new', [2], spec);
    const error = await refusal(() => resumed.loadFrom(path));
    expect([error.code, error.message]).toEqual(['weights-mismatch', expect.stringContaining('new missing')]);
    saved.dispose();
    resumed.dispose();
  });
});

describe('weights of a file', () => {
  const half = toFloat16Bytes(Float32Array.of(0.5, -2), { who: 'test', name: 'half' });
  const path = () => join(folder, 'w.safetensors');
  beforeEach(() =>
    writeSafetensors(
      path(),
      [
        { name: 'x', dtype: 'float32', shape: [2, 1], bytes: () => new Uint8Array(Float32Array.of(1, 2).buffer) },
        { name: 'half', dtype: 'float16', shape: [2], bytes: () => half },
        { name: 'hits', dtype: 'float32', shape: [1], bytes: () => new Uint8Array(4) },
      ],
      { 'tessera.buffers': 'hits' },
    ),
  );

  it('gives each tensor once, widened, and asks for no buffer', async () => {
    const before = tf.memory().numTensors;
    const weights = await fileWeights(path());
    const x = weights.param('x', [2, 1], spec);
    expect(weights.param('x', [2, 1], spec)).toBe(x);
    expect(await values(x)).toEqual([1, 2]);
    expect(await values(weights.param('half', [2], spec))).toEqual([0.5, -2]);
    weights.finish();
    expect([weights.has('x'), weights.has('y')]).toEqual([true, false]);
    expect(weights.parameters).toBe(4);
    weights.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });

  it('names what is missing, of another shape, and left over, in one sentence', async () => {
    const weights = await fileWeights(path());
    weights.param('x', [1, 2], spec);
    expect(weights.param('y', [2 ** 20, 2 ** 30], spec).shape).toEqual([2 ** 20, 2 ** 30]);
    const error = await refusal(() => weights.finish());
    expect(error.code).toBe('weights-mismatch');
    expect(error.message).toContain('x [2, 1] instead of [1, 2]; y missing; half left over');
    weights.dispose();
  });

  it('stops at the first problem too many', async () => {
    const weights = await fileWeights(path());
    const error = await refusal(() => {
      for (let block = 0; block < 1e8; block++) weights.param(`blocks.${block}`, [1e5, 1e5], spec);
    });
    expect(error.code).toBe('weights-mismatch');
    expect(error.message).toContain('blocks.7 missing, and more');
    expect(error.message).not.toContain('blocks.8');
    weights.dispose();
  });
});
