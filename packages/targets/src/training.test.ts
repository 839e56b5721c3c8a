import * as tf from '@tensorflow/tfjs';
import { afterAll, describe, expect, it } from 'vitest';
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
