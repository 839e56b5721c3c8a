import * as tf from '@tensorflow/tfjs';
import type { Scalar, Tensor, Tensor2D, Tensor3D, Variable } from '@tensorflow/tfjs';
import type { Init, Weights } from '@tessera/core';
import { tensorFrom, type Param, type TraceRng } from '@tessera/engine';
import { createEngine } from '@tessera/targets';
import { goldenWeights, readGolden } from '@tessera/goldens';
import { beforeAll, describe, expect, it } from 'vitest';
import { diffusionHead } from './head.ts';

const [C, D] = [4, 48];
const space = { kind: 'continuous', channels: C } as const;

beforeAll(() => tf.setBackend('cpu'));

describe.each(['eager', 'onnx'] as const)('the loss on %s', (target) => {
  const recorded = readGolden('mar_tiny_net');
  const expected = [...recorded.numbers('out.loss')];

  // The twelve recorded rows as images of four tokens, also with repeats, and more often than there are timesteps.
  const sizes = [
    [3, 5],
    [300, 1],
  ] as const;
  const cases = (target === 'onnx' ? sizes : sizes.slice(0, 1)).flatMap(([images, repeats]) =>
    (['continuous', 'discrete'] as const).map((kind) => ({ images, repeats, kind })),
  );
  it.each(cases)(
    'of $images images, $repeats repeats and $kind tokens is the recorded one of each token',
    async ({ images, repeats, kind }) => {
      const engine = createEngine({ target, threads: 1 });
      const weights = goldenWeights(readGolden('weights/mar_tiny'));
      const config = diffusionHead.config.parse({ blocks: 2, width: 64, repeats }, 'test');
      const before = tf.memory().numTensors;
      // A codebook of standard deviation 3: tokens three times as large teach the same.
      const codebook_VC = tensorFrom(Float32Array.of(2, 8, 8, 2, 8, 2, 2, 8), [2, C]) as Tensor2D;
      const codes = { kind: 'discrete', channels: C, vocabulary: 2, codebook_VC } as const;
      const size = kind === 'discrete' ? 3 : 1;
      const dims = { width: D, space: kind === 'discrete' ? codes : space };
      const head = diffusionHead.build(config, dims, { engine, weights });
      const copies = images / 3;
      const often = (name: string, times: number) => tf.tidy(() => tf.tile(recorded.tensor(name), [times, 1]));
      const given = {
        values_BlD: tf.tidy(() => tf.reshape(often('in.z', copies), [images, 4, D]) as Tensor3D),
        target_BlC: tf.tidy(() => tf.reshape(tf.mul(often('in.x_start', copies), size), [images, 4, C]) as Tensor3D),
        noise: often('in.noise', copies * repeats),
        place: tf.tidy(() => tf.div(tf.add(tf.tile(recorded.tensor('in.t'), [copies * repeats]), 0.5), 1000)),
      };
      const program = engine.compile(
        ({ values_BlD, target_BlC, noise, place }: typeof given) => {
          const rng: TraceRng = {
            uniform: (_, shape) => tf.reshape(place, [...shape]),
            normal: (_, shape) => tf.reshape(noise, [...shape]),
          };
          return head.loss({ values_BlD, positions_Bl: null }, { values_BlC: target_BlC }, { rng, train: true });
        },
        { name: 'loss' },
      );
      const loss = await program(given);
      expect(loss.shape).toEqual([images, 4]);
      (await loss.data()).forEach((value, i) => {
        expect(Math.abs(value / expected[i % 12]! - 1)).toBeLessThan(1e-5);
      });
      tf.dispose([given, loss, codebook_VC]);
      head.dispose();
      engine.dispose();
      weights.dispose();
      expect(tf.memory().numTensors).toBeLessThanOrEqual(before);
    },
  );
});

describe('training', () => {
  it('lets the loss fall from that of a denoiser that predicts 0', async () => {
    const engine = createEngine({ target: 'onnx', threads: 1 });
    const params: Param[] = [];
    const config = diffusionHead.config.parse({ blocks: 1, width: 32, repeats: 2 }, 'test');
    const head = diffusionHead.build(config, { width: 8, space }, { engine, weights: freshWeights(params) });
    const batch = {
      hidden: tf.randomNormal([4, 16, 8], 0, 1, 'float32', 1),
      tokens: tf.randomNormal([4, 1, C], 0, 1, 'float32', 2).tile([1, 16, 1]),
    };
    const step = engine.compileTrainStep({
      name: 'training',
      params,
      betas: [0.9, 0.95],
      eps: 1e-8,
      clip: 3,
      ema: false,
      loss: ({ hidden, tokens }, rng) => {
        const trainHidden = { values_BlD: hidden as Tensor3D, positions_Bl: null };
        const losses = head.loss(trainHidden, { values_BlC: tokens as Tensor3D }, { rng, train: true });
        return { loss: tf.mean(losses) as Scalar };
      },
    });
    const hyper = { learningRate: 0.01, weightDecay: 0.1, emaDecay: 0.9 };
    const losses: number[] = [];
    for (let key = 0; key < 40; key++) losses.push((await step.run([batch], { ...hyper, key })).loss);
    const mean = (some: readonly number[]) => some.reduce((sum, loss) => sum + loss, 0) / some.length;
    expect(losses[0]).toBeGreaterThan(0.9);
    expect(mean(losses.slice(-8))).toBeLessThan(0.75 * losses[0]!);
    step.dispose();
    head.dispose();
    engine.dispose();
    tf.dispose([batch, params.map(({ variable }) => variable)]);
  });
});

/** New variables, each started as it asks. */
function freshWeights(params: Param[]): Weights {
  return {
    has: () => true,
    param: (name, shape, { init, decay }) => {
      const variable: Variable = tf.tidy(() => tf.variable(started([...shape], init, params.length)));
      params.push({ name, variable, decay });
      return variable;
    },
  };
}

function started(shape: number[], init: Init, seed: number): Tensor {
  if (init.kind === 'normal') return tf.randomNormal(shape, 0, init.std, 'float32', seed);
  if (init.kind === 'uniform') return tf.randomUniform(shape, -init.bound, init.bound, 'float32', seed);
  return tf.fill(shape, init.kind === 'ones' ? 1 : 0);
}
