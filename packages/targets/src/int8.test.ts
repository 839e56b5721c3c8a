import * as tf from '@tensorflow/tfjs';
import type { Tensor } from '@tensorflow/tfjs';
import { nn, releaseInt8, tensorFrom, usedInt8Form, useInt8 } from '@tessera/engine';
import { afterAll, describe, expect, it } from 'vitest';
import { numbersOf } from '../fixtures/compare.ts';
import { isTensorFlowHere, tensorFlowSkip } from '../fixtures/tensorflow-here.ts';
import { createEngine } from './targets.ts';

const eager = createEngine({ target: 'eager' });
const onnx = createEngine({ target: 'onnx', threads: 1 });
const engines = [eager, onnx, ...(isTensorFlowHere ? [createEngine({ target: 'tensorflow', threads: 1 })] : [])];
afterAll(() => engines.forEach((engine) => engine.dispose()));

const OUTPUTS = 70; // more than a tile of outputs, and no multiple of one
const INPUTS = 96;

/** Numbers whose rows have very different sizes. */
function numbers(rows: number, columns: number, phase: number): Float32Array {
  return Float32Array.from({ length: rows * columns }, (_, i) => {
    const row = Math.floor(i / columns);
    return Math.sin(12.9898 * (i + 1) * phase) * 10 ** ((row % 5) - 2);
  });
}

const bias = numbers(1, OUTPUTS, 3);
const bias_O = tensorFrom(bias, [OUTPUTS]);
const makeWeight = (phase = 2) => tensorFrom(numbers(OUTPUTS, INPUTS, phase), [OUTPUTS, INPUTS]);

/** The product with a weight in 8 bits. */
async function product(engine: typeof eager, x: Float32Array, weight: Tensor, bias: Tensor | null = bias_O) {
  const program = engine.compile((x_NI: Tensor) => nn.linear(x_NI, weight, bias), { name: 'int8', axes: ['N .'] });
  const x_NI = tensorFrom(x, [x.length / INPUTS, INPUTS]);
  const [result] = await numbersOf(program(x_NI));
  program.dispose();
  x_NI.dispose();
  return Float32Array.from(result!.data);
}

/** The largest difference within each row, as a part of the row's largest number; the worst row. */
function worst(found: Float32Array, wanted: Float32Array): number {
  const rows = Array.from({ length: found.length / OUTPUTS }, (_, row) => {
    const of = (data: Float32Array) => data.subarray(row * OUTPUTS, (row + 1) * OUTPUTS);
    const errors = of(found).map((value, i) => Math.abs(value - of(wanted)[i]!));
    return Math.max(...errors) / Math.max(...of(wanted).map(Math.abs));
  });
  return Math.max(...rows);
}

describe(`a linear layer in 8 bits${tensorFlowSkip}`, () => {
  it('computes on every target what the reference computes, near to float32 in every row', async () => {
    const [weight, plain] = [makeWeight(), makeWeight()];
    useInt8(weight);
    const x = numbers(15, INPUTS, 1);
    const exact = await product(eager, x, plain, null);
    for (const engine of engines) {
      const found = await product(engine, x, weight, null);
      expect(worst(found, exact), engine.target).toBeLessThan(0.05);
      expect(worst(found, exact), engine.target).toBeGreaterThan(1e-4);
      expect(worst(found, await product(eager, x, weight, null)), engine.target).toBeLessThan(1e-6);
      expect(worst(await product(engine, x, weight), await product(eager, x, weight)), engine.target).toBeLessThan(
        1e-6,
      );
    }
    releaseInt8(weight);
    expect(await product(onnx, x, weight, null)).toEqual(await product(onnx, x, plain, null));
  });

  it('gives a row the same bytes whatever the other rows are', async () => {
    const weight = makeWeight();
    useInt8(weight);
    const x = numbers(8, INPUTS, 1);
    const together = await product(onnx, x, weight);
    for (const [first, last] of [
      [0, 1],
      [4, 7],
      [7, 8],
    ] as const) {
      const alone = await product(onnx, x.subarray(first * INPUTS, last * INPUTS), weight);
      expect(alone).toEqual(together.slice(first * OUTPUTS, last * OUTPUTS));
    }
  });

  it('does not saturate where all numbers are as large as they can be', async () => {
    const [x, ones] = [new Float32Array(INPUTS).fill(1), new Float32Array(OUTPUTS * INPUTS).fill(1)];
    const weight = tensorFrom(ones, [OUTPUTS, INPUTS]);
    useInt8(weight);
    (await product(onnx, x, weight, null)).forEach((value) => expect(value / INPUTS).toBeCloseTo(1, 5));
  });

  it('gives the bias for rows of zeros and for outputs of zeros', async () => {
    const weight = tensorFrom(new Float32Array(OUTPUTS * INPUTS), [OUTPUTS, INPUTS]);
    useInt8(weight);
    const other = makeWeight();
    useInt8(other);
    for (const engine of engines) {
      expect(await product(engine, numbers(1, INPUTS, 1), weight)).toEqual(bias);
      expect(await product(engine, new Float32Array(INPUTS), other)).toEqual(bias);
    }
  });

  it.each([NaN, Infinity])('does not hide %f in a row, and keeps it to the row', async (value) => {
    const weight = makeWeight();
    useInt8(weight);
    const x = numbers(2, INPUTS, 1);
    x[3] = value;
    const found = await product(onnx, x, weight);
    expect(found.subarray(0, OUTPUTS).some(Number.isFinite)).toBe(false);
    expect(found.subarray(OUTPUTS).every(Number.isFinite)).toBe(true);
  });

  it('multiplies no rows', async () => {
    const weight = makeWeight();
    useInt8(weight);
    for (const engine of engines) expect(await product(engine, new Float32Array(0), weight)).toHaveLength(0);
  });

  it('leaves other uses of the weight in float32, and releases its form', async () => {
    const weight = makeWeight();
    useInt8(weight);
    expect(usedInt8Form(weight)).toBeNull();
    const turned = tf.tidy(() => nn.linear(tf.zeros([1, OUTPUTS]), tf.transpose(weight)));
    expect(usedInt8Form(weight)).toBeNull();
    const before = tf.memory().numTensors;
    await product(onnx, numbers(1, INPUTS, 1), weight);
    expect(usedInt8Form(weight)!.codes_IO.shape).toEqual([INPUTS, OUTPUTS]);
    expect(tf.memory().numTensors).toBe(before);
    releaseInt8(weight);
    expect(tf.memory().numTensors).toBe(before - 2);
    turned.dispose();
  });

  it('refuses to be trained', () => {
    const weight = makeWeight();
    useInt8(weight);
    const slope = tf.grad((x: Tensor) => tf.sum(nn.linear(x, weight, bias_O)));
    expect(() => slope(tf.ones([1, INPUTS]))).toThrow(/8 bits/);
  });
});
