import * as tf from '@tensorflow/tfjs';
import { describe, expect, it } from 'vitest';
import { createEngine } from './targets.ts';
import type { TargetName } from './select-target.ts';
import { isTensorFlowHere } from '../fixtures/tensorflow-here.ts';

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
