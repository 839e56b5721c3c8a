import * as tf from '@tensorflow/tfjs';
import { afterAll, describe, expect, it } from 'vitest';
import { createEngine } from './targets.ts';
import { nn } from '@tessera/engine';

const engines = { eager: createEngine({ target: 'eager' }), onnx: createEngine({ target: 'onnx', threads: 1 }) };
afterAll(() => {
  for (const engine of Object.values(engines)) engine.dispose();
});

function numbers(shape: readonly number[], phase: number): tf.Tensor {
  const size = shape.reduce((a, b) => a * b, 1);
  return tf.tensor(
    Float32Array.from({ length: size }, (_, i) => Math.sin(12.9898 * (i + 1) * phase)),
    [...shape],
  );
}

type Options = Parameters<typeof nn.conv2d>[3];

/** The loss and the gradients of both filters of two convolutions: the second's input gradient reaches the first. */
async function gradients(target: keyof typeof engines, size: Case) {
  const { batch, channels, options } = size;
  const [inputs, hidden, outputs] = channels;
  const kernel = options?.pad === 0 ? 1 : 3;
  const initial = [numbers([hidden, inputs, 3, 3], 0.3), numbers([outputs, hidden, kernel, kernel], 0.7)];
  const [first, second] = initial.map((tensor) => tf.variable(tensor));
  const step = engines[target].compileTrainStep({
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
  const x = numbers([batch, 6, 7, inputs], 0.2);
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
