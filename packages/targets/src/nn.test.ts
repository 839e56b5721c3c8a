import * as tf from '@tensorflow/tfjs';
import { afterAll, describe, expect, it } from 'vitest';
import { createEngine } from './targets.ts';
import { type Engine, nn } from '@tessera/engine';
import { isTensorFlowHere, tensorFlowSkip } from '../fixtures/tensorflow-here.ts';

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

const pair = { eager: createEngine({ target: 'eager' }), onnx: createEngine({ target: 'onnx', threads: 1 }) };
afterAll(() => {
  for (const engine of Object.values(pair)) engine.dispose();
});

function convolutionNumbers(shape: readonly number[], phase: number): tf.Tensor {
  const size = shape.reduce((a, b) => a * b, 1);
  return tf.tensor(
    Float32Array.from({ length: size }, (_, i) => Math.sin(12.9898 * (i + 1) * phase)),
    [...shape],
  );
}

type Options = Parameters<typeof nn.conv2d>[3];

/** The loss and the gradients of both filters of two convolutions: the second's input gradient reaches the first. */
async function gradients(target: keyof typeof pair, size: Case) {
  const { batch, channels, options } = size;
  const [inputs, hidden, outputs] = channels;
  const kernel = options?.pad === 0 ? 1 : 3;
  const initial = [
    convolutionNumbers([hidden, inputs, 3, 3], 0.3),
    convolutionNumbers([outputs, hidden, kernel, kernel], 0.7),
  ];
  const [first, second] = initial.map((tensor) => tf.variable(tensor));
  const step = pair[target].compileTrainStep({
    name: 'convolutions',
    params: [
      { name: 'first', variable: first!, decay: false },
      { name: 'second', variable: second!, decay: false },
    ],
    loss: ({ x }) => {
      const image = nn.silu(nn.conv2d(x as tf.Tensor4D, first!, null, { pad: 1 }));
      return { loss: tf.mean(tf.square(nn.conv2d(image, second!, null, options))) as tf.Scalar };
    },
    betas: [0.9, 0.95],
    eps: 1e-8,
    clip: null,
    ema: false,
  });
  const x = convolutionNumbers([batch, 6, 7, inputs], 0.2);
  const { loss } = await step.run([{ x }], { learningRate: 1e-3, weightDecay: 0, emaDecay: 0, key: 1 });
  const state = await step.state();
  step.dispose();
  tf.dispose([x, first!, second!, initial]);
  return { loss, m: ['m.first', 'm.second'].map((name) => state.get(name)!.data) };
}

interface Case {
  readonly batch: number;
  readonly channels: readonly [number, number, number];
  readonly options: Options;
}

const cases: Case[] = [
  { batch: 16, channels: [3, 16, 32], options: { pad: 1 } },
  { batch: 8, channels: [16, 20, 3], options: { pad: 1 } },
  { batch: 11, channels: [4, 24, 10], options: { pad: [1, 0, 0, 1] } },
  { batch: 16, channels: [8, 18, 16], options: { pad: 1 } },
  { batch: 16, channels: [16, 16, 16], options: { stride: 2, pad: [0, 1, 0, 1] } },
  { batch: 16, channels: [16, 16, 8], options: { pad: 0 } },
  { batch: 2, channels: [16, 16, 16], options: { pad: 1 } },
];

describe('convolutions with filters that change', () => {
  it.each(cases)('train as tfjs does: $batch images, channels $channels, $options', async (size) => {
    const [eager, onnx] = [await gradients('eager', size), await gradients('onnx', size)];
    expect(Math.abs(onnx.loss / eager.loss - 1)).toBeLessThan(1e-5);
    for (const [i, wanted] of eager.m.entries()) {
      const scale = Math.max(...wanted.map(Math.abs));
      expect(scale).toBeGreaterThan(0);
      expect(Math.max(...wanted.map((x, j) => Math.abs(x - onnx.m[i]![j]!))) / scale).toBeLessThan(1e-5);
    }
  });
});
