import * as tf from '@tensorflow/tfjs';
import type { Scalar, Tensor2D } from '@tensorflow/tfjs';
import { makeEngine, tensorFrom } from '@tessera/engine';
import { describe, expect, it } from 'vitest';
import { eagerTarget } from './index.ts';

/* What every target must do is tested in @tessera/targets; here are numbers that can be worked out by hand. */

describe('eagerTarget', () => {
  it('runs the function itself, and keeps no tensor but the result', async () => {
    const engine = makeEngine({ target: eagerTarget() });
    const sums = engine.compile((x_RC: Tensor2D) => tf.sum(x_RC, 1), { name: 'sums' });
    const x_RC = tensorFrom([1, 2, 3, 4, 5, 6], [2, 3]) as Tensor2D;
    const before = tf.memory().numTensors;
    const result = await sums(x_RC);
    expect([...(await result.data())]).toEqual([6, 15]);
    expect(tf.memory().numTensors).toBe(before + 1);
    expect(engine.profile()).toEqual([]);
    tf.dispose([x_RC, result]);
    engine.dispose();
  });

  it('takes a first step of AdamW of the size of the learning rate, decay apart from the gradient', async () => {
    const engine = makeEngine({ target: eagerTarget() });
    const weight = { name: 'weight', variable: tf.variable(tf.scalar(1)), decay: true };
    const loss = () => ({ loss: tf.square(weight.variable) as Scalar });
    const spec = {
      name: 'toy',
      params: [weight],
      loss,
      betas: [0.9, 0.95],
      eps: 1e-8,
      clip: null,
      ema: false,
    } as const;
    const step = engine.compileTrainStep(spec);
    const hyper = { learningRate: 0.1, weightDecay: 0.5, emaDecay: 0, key: 1 };
    const { loss: found, gradNorm } = await step.run([{}], hyper);
    expect([found, gradNorm]).toEqual([1, 2]);
    const state = await step.state();
    expect(state.get('param.weight')!.data[0]).toBeCloseTo(1 - 0.1 * 0.5 - 0.1, 6);
    engine.dispose();
    weight.variable.dispose();
  });
});
