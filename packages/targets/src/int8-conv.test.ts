import * as tf from '@tensorflow/tfjs';
import type { Tensor, Tensor4D } from '@tensorflow/tfjs';
import { isFilterInInt8, nn, releaseInt8Filter, tensorFrom, useInt8Filter } from '@tessera/engine';
import { afterAll, describe, expect, it } from 'vitest';
import { numbersOf } from '../fixtures/compare.ts';
import { isTensorFlowHere, tensorFlowSkip } from '../fixtures/tensorflow-here.ts';
import { createEngine } from './targets.ts';

const eager = createEngine({ target: 'eager' });
const onnx = createEngine({ target: 'onnx', threads: 1 });
const engines = [eager, onnx, ...(isTensorFlowHere ? [createEngine({ target: 'tensorflow', threads: 1 })] : [])];
afterAll(() => engines.forEach((engine) => engine.dispose()));

const [HEIGHT, WIDTH, INPUTS, OUTPUTS] = [6, 5, 12, 10];
const IMAGE = HEIGHT * WIDTH * INPUTS;

/** Numbers of which each image, or each output, has its own size; few are below zero. */
function numbers(count: number, size: number, phase: number): Float32Array {
  return Float32Array.from({ length: count * size }, (_, i) => {
    const wave = Math.sin(12.9898 * (i + 1) * phase) + 0.5;
    return wave * 10 ** ((Math.floor(i / size) % 5) - 2);
  });
}

const bias_O = tensorFrom(numbers(1, OUTPUTS, 3), [OUTPUTS]);

function makeFilter(kernel = 3, isInt8 = false): Tensor {
  const filter = tensorFrom(numbers(OUTPUTS, INPUTS * kernel * kernel, 2), [OUTPUTS, INPUTS, kernel, kernel]);
  if (isInt8) useInt8Filter(filter);
  return filter;
}

type Layer = (x_BHWC: Tensor4D) => Tensor;

async function run(engine: typeof eager, layer: Layer, x: Float32Array): Promise<Float32Array> {
  const program = engine.compile((x_BHWC: Tensor) => layer(x_BHWC as Tensor4D), { name: 'int8', axes: ['B . . .'] });
  const x_BHWC = tensorFrom(x, [x.length / IMAGE, HEIGHT, WIDTH, INPUTS]);
  const [result] = await numbersOf(program(x_BHWC));
  program.dispose();
  x_BHWC.dispose();
  return Float32Array.from(result!.data);
}

/** The largest difference within each image, as a part of the image's largest number; the worst image. */
function worst(found: Float32Array, wanted: Float32Array, images: number): number {
  const size = wanted.length / images;
  const parts = Array.from({ length: images }, (_, image) => {
    const of = (data: Float32Array) => data.subarray(image * size, (image + 1) * size);
    const errors = of(found).map((value, i) => Math.abs(value - of(wanted)[i]!));
    return Math.max(...errors) / Math.max(...of(wanted).map(Math.abs));
  });
  return Math.max(...parts);
}

describe(`a convolution in 8 bits${tensorFlowSkip}`, () => {
  it.each<[string, number, (filter: Tensor) => Layer]>([
    ['3 x 3', 3, (filter) => (x) => nn.conv2d(x, filter, bias_O, { pad: 1 })],
    ['1 x 1, without bias', 1, (filter) => (x) => nn.conv2d(x, filter)],
    ['with stride', 3, (filter) => (x) => nn.conv2d(x, filter, bias_O, { stride: 2, pad: [0, 1, 0, 1] })],
    ['on an enlarged image', 3, (filter) => (x) => nn.upsampleConv2d(x, filter, bias_O)],
  ])('%s: every target computes what the reference computes, near to float32', async (_, kernel, layerOf) => {
    const [reduced, exact] = [makeFilter(kernel, true), makeFilter(kernel)];
    const x = numbers(4, IMAGE, 1);
    const wanted = await run(eager, layerOf(exact), x);
    const reference = await run(eager, layerOf(reduced), x);
    expect(worst(reference, wanted, 4)).toBeLessThan(0.05);
    expect(worst(reference, wanted, 4)).toBeGreaterThan(1e-4);
    for (const engine of engines) {
      expect(worst(await run(engine, layerOf(reduced), x), reference, 4), engine.target).toBeLessThan(1e-5);
    }
    releaseInt8Filter(reduced);
    expect(await run(onnx, layerOf(reduced), x)).toEqual(await run(onnx, layerOf(exact), x));
  });

  it('gives an image the same bytes in batches of 1, 3 and 8', async () => {
    const filter = makeFilter(3, true);
    const layer: Layer = (x) => nn.conv2d(x, filter, bias_O, { pad: 1 });
    const x = numbers(8, IMAGE, 1);
    const together = await run(onnx, layer, x);
    const size = together.length / 8;
    for (const [first, last] of [
      [0, 1],
      [4, 7],
      [7, 8],
    ] as const) {
      const alone = await run(onnx, layer, x.slice(first * IMAGE, last * IMAGE));
      expect(alone).toEqual(together.slice(first * size, last * size));
    }
  });

  it('does not saturate where all numbers are as large as they can be', async () => {
    const filter = tensorFrom(new Float32Array(OUTPUTS * INPUTS).fill(-1), [OUTPUTS, INPUTS, 1, 1]);
    useInt8Filter(filter);
    const found = await run(onnx, (x) => nn.conv2d(x, filter), new Float32Array(IMAGE).fill(1));
    found.forEach((value) => expect(value / -INPUTS).toBeCloseTo(1, 5));
  });

  it('gives the bias for images of zeros', async () => {
    const filter = makeFilter(3, true);
    for (const engine of engines) {
      const found = await run(engine, (x) => nn.conv2d(x, filter, bias_O, { pad: 1 }), new Float32Array(IMAGE));
      expect(found.slice(0, OUTPUTS)).toEqual(numbers(1, OUTPUTS, 3));
    }
  });

  it.each([NaN, Infinity])('does not hide %f in an image, and keeps it to the image', async (value) => {
    const filter = makeFilter(3, true);
    const x = numbers(2, IMAGE, 1);
    x[3] = value;
    const found = await run(onnx, (image) => nn.conv2d(image, filter, bias_O, { pad: 1 }), x);
    expect(found.subarray(0, found.length / 2).some(Number.isFinite)).toBe(false);
    expect(found.subarray(found.length / 2).every(Number.isFinite)).toBe(true);
  });

  it('releases its codes', async () => {
    const before = tf.memory().numTensors;
    const filter = makeFilter(3, true);
    expect(isFilterInInt8(filter)).toBe(true);
    await run(onnx, (x) => nn.upsampleConv2d(x, filter, bias_O), new Float32Array(IMAGE));
    releaseInt8Filter(filter);
    expect(isFilterInInt8(filter)).toBe(false);
    filter.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });

  it('refuses to be trained', () => {
    const filter = makeFilter(3, true);
    const slope = tf.grad((x: Tensor) => tf.sum(nn.conv2d(x as Tensor4D, filter)));
    expect(() => slope(tf.ones([1, HEIGHT, WIDTH, INPUTS]))).toThrow(/8 bits/);
  });
});
