import * as tf from '@tensorflow/tfjs';
import { afterAll, describe, expect, it } from 'vitest';
import { nn } from '@tessera/engine';
import { createEngine } from './targets.ts';
import { isTensorFlowHere, tensorFlowSkip } from '../fixtures/tensorflow-here.ts';
import type { TargetName } from './select-target.ts';

const engines = [
  createEngine({ target: 'eager' }),
  createEngine({ target: 'onnx', threads: 1 }),
  ...(isTensorFlowHere ? [createEngine({ target: 'tensorflow', threads: 1 })] : []),
];
afterAll(() => engines.forEach((engine) => engine.dispose()));

describe.each(engines)(`accumulation on $target${tensorFlowSkip}`, (engine) => {
  it('adds up batches that reach different parameters', async () => {
    const [first, second] = [tf.variable(tf.tensor1d([1, 2])), tf.variable(tf.tensor1d([3, 4]))];
    const step = engine.compileTrainStep({
      name: 'halves',
      params: [
        { name: 'first', variable: first, decay: false },
        { name: 'second', variable: second, decay: false },
      ],
      loss: ({ x, y }) => ({ loss: tf.sum(x ? tf.mul(first, x) : tf.mul(second, y!)) as tf.Scalar }),
      betas: [0.9, 0.95],
      eps: 1e-8,
      clip: null,
      ema: false,
    });
    const [x, y] = [tf.tensor1d([6, 0]), tf.tensor1d([0, 8])];
    const { gradNorm } = await step.run([{ x }, { y }], { learningRate: 0.1, weightDecay: 0, emaDecay: 0, key: 1 });
    expect(gradNorm).toBeCloseTo(5, 5); // a batch counts a half: 3 and 4
    const state = await step.state();
    state.get('m.first')!.data.forEach((m, i) => expect(m).toBeCloseTo([0.3, 0][i]!, 6));
    state.get('m.second')!.data.forEach((m, i) => expect(m).toBeCloseTo([0, 0.4][i]!, 6));
    step.dispose();
    tf.dispose([first, second, x, y]);
  });
});

describe.each(engines)(`a penalty on gradients on $target${tensorFlowSkip}`, (engine) => {
  it('has the gradient that differences show', async () => {
    const filter = tf.variable(
      tf.tensor4d(
        [...Array(36).keys()].map((i) => Math.sin(i + 1) / 2),
        [4, 1, 3, 3],
      ),
    );
    const [scale, shift] = [tf.variable(tf.tensor1d([1, 2, -1, 0.5])), tf.variable(tf.zeros([4]))];
    const rated = (image: tf.Tensor) => {
      const maps = nn.conv2d(image as tf.Tensor4D, filter, null, { stride: 2, pad: 1 });
      const rows = tf.reshape(nn.groupNormSilu(maps, scale, shift, 2, 1e-3), [1, 1, 18, 4]) as tf.Tensor4D;
      const seen = nn.gelu(nn.layerNorm(nn.attention(rows, rows, rows, 0.5), 1e-2), 'tanh');
      return tf.sum(tf.mul(tf.tanh(seen), tf.exp(tf.neg(tf.sigmoid(rows)))));
    };
    const step = engine.compileTrainStep({
      name: 'penalty',
      params: Object.entries({ filter, scale, shift }).map(([name, variable]) => ({ name, variable, decay: false })),
      loss: ({ x }) => ({ loss: tf.sum(tf.square(tf.grad(rated)(x!))) as tf.Scalar }),
      betas: [0, 0],
      eps: 1e-8,
      clip: null,
      ema: false,
    });
    const x = tf.tensor4d(
      [...Array(50).keys()].map((i) => Math.cos(i * i)),
      [2, 5, 5, 1],
    );
    const hyper = { learningRate: 0, weightDecay: 0, emaDecay: 0, key: 1 };
    const { loss } = await step.run([{ x }], hyper);
    const state = await step.state();
    for (const name of ['filter', 'scale', 'shift'] as const) {
      const { data, shape } = state.get(`param.${name}`)!;
      const around = async (move: number) => {
        const moved = data.map((value, i) => (i === 1 ? value + move : value));
        await step.load(new Map(state).set(`param.${name}`, { data: moved, shape }));
        return (await step.evaluate({ x }, 1)).loss;
      };
      const slope = ((await around(0.01)) - (await around(-0.01))) / 0.02;
      await step.load(state);
      expect(Math.abs(slope)).toBeGreaterThan(1e-2 * loss);
      expect(state.get(`m.${name}`)!.data[1]! / slope).toBeCloseTo(1, 1);
    }
    step.dispose();
    tf.dispose([filter, scale, shift, x]);
  });
});

const targets: readonly TargetName[] = ['eager', 'onnx', ...(isTensorFlowHere ? (['tensorflow'] as const) : [])];

describe.each(targets)('a training step on %s', (target) => {
  it('tells the time of compiling from that of computing', async () => {
    const engine = createEngine({ target, threads: 1 });
    const weight = tf.variable(tf.tensor1d([1, -2]));
    const step = engine.compileTrainStep({
      name: 'line',
      params: [{ name: 'weight', variable: weight, decay: false }],
      loss: ({ x }) => ({ loss: tf.sum(tf.square(tf.mul(weight, x!))) }),
      betas: [0.9, 0.95],
      eps: 1e-8,
      clip: 1,
      ema: false,
    });
    const rows = [tf.ones([3, 2]), tf.ones([3, 2]), tf.ones([4, 2])];
    const hyper = { learningRate: 0.1, weightDecay: 0, emaDecay: 0, key: 1 };
    const times = [];
    for (const x of rows) times.push((await step.run([{ x }], hyper)).compiling);
    const isCompiled = target !== 'eager';
    expect(times.map((time) => time > 0)).toEqual([isCompiled, false, isCompiled]);
    engine.dispose();
    tf.dispose([weight, rows]);
  });
});
