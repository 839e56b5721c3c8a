import * as tf from '@tensorflow/tfjs';
import { afterAll, describe, expect, it } from 'vitest';
import { createEngine } from './targets.ts';
import type { Engine } from '@tessera/engine';
import { isTensorFlowHere, tensorFlowSkip } from '../fixtures/tensorflow-here.ts';
import { nn } from '@tessera/engine';

const engines: readonly [name: string, engine: Engine, isHere: boolean][] = [
  ['onnx', createEngine({ target: 'onnx', threads: 1 }), true],
  ['tensorflow', createEngine({ target: 'tensorflow', threads: 1, xla: 'never' }), isTensorFlowHere],
  ['tensorflow, by XLA', createEngine({ target: 'tensorflow', threads: 1, xla: 'always' }), isTensorFlowHere],
];
afterAll(() => engines.forEach(([, engine]) => engine.dispose()));

function numbers(shape: readonly number[], phase: number): tf.Tensor {
  const size = shape.reduce((a, b) => a * b, 1);
  return tf.tensor(
    Float32Array.from({ length: size }, (_, i) => 2 * Math.sin(12.9898 * (i + 1) * phase)),
    [...shape],
  );
}

type Layer = (...xs: tf.Tensor[]) => tf.Tensor;
const image = (x: tf.Tensor | undefined): tf.Tensor4D => x as tf.Tensor4D;

const layers: [string, Layer, number[][]][] = [
  ['linear', (x, w, b) => nn.linear(x!, w!, b), [[2, 3, 4], [5, 4], [5]]],
  ['layerNorm', (x) => nn.layerNorm(x!, 1e-6), [[2, 3, 8]]],
  ['layerNorm with weight and bias', (x, w, b) => nn.layerNorm(x!, 1e-5, w, b), [[2, 3, 8], [8], [8]]],
  ['groupNorm', (x, w, b) => nn.groupNorm(image(x), w!, b!, 2, 1e-6), [[2, 3, 4, 6], [6], [6]]],
  ['groupNorm of single channels', (x, w, b) => nn.groupNorm(image(x), w!, b!, 32, 1e-6), [[2, 9, 8, 32], [32], [32]]],
  ...[1, 2, 3, 6, 48].map((groups): [string, Layer, number[][]] => [
    `groupNormSilu of ${groups} groups`,
    (x, w, b) => nn.groupNormSilu(image(x), w!, b!, groups, 1e-6),
    [[3, 9, 8, 48], [48], [48]], // more pixels than a block of sums
  ]),
  ['silu', (x) => nn.silu(x!), [[3, 40]]],
  ['gelu tanh', (x) => nn.gelu(x!, 'tanh'), [[3, 40]]],
  ['gelu erf', (x) => nn.gelu(x!, 'erf'), [[3, 40]]],
  ['normalize', (x) => nn.normalize(x!, 1e-12), [[3, 4]]],
  [
    'attention',
    (q, k, v) => nn.attention(image(q), image(k), image(v), 0.7),
    [
      [2, 3, 4, 5],
      [2, 3, 6, 5],
      [2, 3, 6, 5],
    ],
  ],
  ...[4, 1].map((queries): [string, Layer, number[][]] => [
    `attention with ${queries === 1 ? 'one bias for all queries' : 'bias'}`,
    (q, k, v, bias) => nn.attention(image(q), image(k), image(v), 0.7, bias),
    [
      [2, 3, 4, 5],
      [2, 3, 6, 5],
      [2, 3, 6, 5],
      [1, 1, queries, 6],
    ],
  ]),
  ['conv2d', (x, w, b) => nn.conv2d(image(x), w!, b, { pad: 1 }), [[2, 6, 5, 3], [4, 3, 3, 3], [4]]],
  [
    'conv2d of stride 2',
    (x, w, b) => nn.conv2d(image(x), w!, b, { stride: 2, pad: [0, 1, 0, 1] }),
    [[2, 6, 6, 3], [4, 3, 3, 3], [4]],
  ],
  [
    'conv2d of one pixel',
    (x, w) => nn.conv2d(image(x), w!),
    [
      [2, 4, 5, 3],
      [4, 3, 1, 1],
    ],
  ],
  [
    'conv2d of one pixel with a border',
    (x, w, b) => nn.conv2d(image(x), w!, b, { pad: 1 }),
    [[2, 4, 5, 3], [4, 3, 1, 1], [4]],
  ],
  ['upsample2x', (x) => nn.upsample2x(image(x)), [[2, 3, 4, 2]]],
  ['upsampleConv2d', (x, w, b) => nn.upsampleConv2d(image(x), w!, b!), [[2, 3, 4, 5], [6, 5, 3, 3], [6]]],
  ['resize', (x) => nn.resize(image(x), 5, 7, 'bicubic'), [[2, 3, 4, 2]]],
  ['embedding', (table) => nn.embedding(table!, tf.tensor([3, 1, 3, 0], [2, 2], 'int32')), [[4, 3]]],
  ['crossEntropy', (x) => nn.crossEntropy(x as tf.Tensor2D, tf.tensor1d([2, 0, 2], 'int32')), [[3, 5]]],
  ['crossEntropy, smooth', (x) => nn.crossEntropy(x as tf.Tensor2D, tf.tensor1d([2, 0, 2], 'int32'), 0.1), [[3, 5]]],
];

/** Largest difference as a share of the reference's largest number. */
function distance(a: tf.Tensor, b: tf.Tensor): number {
  expect(a.shape).toEqual(b.shape);
  return tf.tidy(() => {
    const scale = tf.maximum(tf.max(tf.abs(b)), 1e-6);
    return tf.div(tf.max(tf.abs(tf.sub(a, b))), scale).dataSync()[0]!;
  });
}

/** XLA sums in an order that is a little worse: 2e-4 of the bias. */
describe.each(engines.slice(0, 2))(`groupNorm of nearly one colour on %s${tensorFlowSkip}`, (_, engine, isHere) => {
  it.skipIf(!isHere).each([
    ['one colour', 0.1, 0, 1e-5],
    ['far from zero', 1000, 1, 2e-3], // of which float32 keeps as much
  ])('%s', async (name, level, spread, tolerance) => {
    const [x, weight, bias] = [
      tf.tidy(() => tf.add(tf.mul(numbers([2, 32, 32, 32], 1.3), spread), level)),
      numbers([32], 2.3),
      numbers([32], 3.3),
    ];
    const program = engine.compile((...xs: tf.Tensor[]) => nn.groupNorm(image(xs[0]), xs[1]!, xs[2]!, 8, 1e-6), {
      name,
    });
    const [fast, reference] = [
      await program(x, weight, bias),
      tf.tidy(() => nn.groupNorm(image(x), weight, bias, 8, 1e-6)),
    ];
    expect(distance(fast, reference)).toBeLessThan(tolerance);
    tf.dispose([fast, reference, x, weight, bias]);
    program.dispose();
  });
});

describe.each(engines)(`nn on %s${tensorFlowSkip}`, (_, engine, isHere) => {
  it.skipIf(!isHere).each(layers)('%s gives what tfjs gives', async (name, layer, shapes) => {
    const xs = shapes.map((shape, i) => numbers(shape, 1.3 + i));
    const program = engine.compile((...ys: tf.Tensor[]) => layer(...ys), { name });
    const [fast, reference] = [await program(...xs), tf.tidy(() => layer(...xs))];
    expect(distance(fast, reference)).toBeLessThan(2e-5);
    tf.dispose([fast, reference, xs]);
    program.dispose();
  });

  it.skipIf(!isHere).each(layers)('%s has the gradient of its tfjs form', async (name, layer, shapes) => {
    const xs = shapes.map((shape, i) => numbers(shape, 1.3 + i));
    const gradients = (...ys: tf.Tensor[]) => tf.grads((...zs) => weighted(layer(...zs)))(ys);
    const program = engine.compile((...ys: tf.Tensor[]) => gradients(...ys), { name });
    const [fast, reference] = [await program(...xs), gradients(...xs)];
    for (const [i, gradient] of fast.entries()) expect(distance(gradient, reference[i]!)).toBeLessThan(5e-5);
    tf.dispose([fast, reference, xs]);
    program.dispose();
  });
});

function weighted(y: tf.Tensor): tf.Scalar {
  return tf.sum(tf.mul(y, numbers(y.shape, 0.37)));
}
