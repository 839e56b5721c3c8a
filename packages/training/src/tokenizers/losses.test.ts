import * as tf from '@tensorflow/tfjs';
import type { Tensor2D, Tensor4D } from '@tensorflow/tfjs';
import { nextScaleTransformer } from '@tessera/backbones';
import { type Engine, tensorFrom } from '@tessera/engine';
import { createEngine } from '@tessera/targets';
import { categoricalHead } from '@tessera/head-categorical';
import { freshWeights } from '@tessera/models';
import { vqTokenizer } from '@tessera/tokenizer-vq';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { nextScaleLoss, tokenWeights } from '../generator/next-scale.ts';
import { adversarialLoss, patchDiscriminator } from './adversarial.ts';
import { perceptualLoss } from './reconstruction-loss.ts';

let engine: Engine;
beforeAll(() => {
  engine = createEngine({ target: 'eager' });
});
afterAll(() => engine.dispose());

const image = (shift: number) =>
  tf.tensor4d(
    Float32Array.from({ length: 128 }, (_, i) => Math.sin(i * 0.7 + shift)),
    [2, 8, 8, 1],
  );

describe('perceptual loss', () => {
  it('is zero for equal images and grows with their difference', () => {
    const network = (x: Tensor4D) => [tf.concat([x, tf.sub(1, x)], 3) as Tensor4D, tf.avgPool(x, 2, 2, 'valid')];
    const [a, near, far] = [image(0), image(0.1), image(2)];
    const distance = (b: Tensor4D) => perceptualLoss(network, a, b).dataSync()[0]!;
    expect(distance(a)).toBe(0);
    expect(distance(far)).toBeGreaterThan(3 * distance(near));
  });
});

describe('adversarial loss', () => {
  it('pulls as hard as the reconstruction does', () => {
    const discriminator = patchDiscriminator(freshWeights(1), { channels: 1, width: 4, levels: 2 });
    const [real, made] = [image(0), image(1)];
    const reconstruction = (x: Tensor4D) => tf.mean(tf.square(tf.sub(x, real))) as tf.Scalar;
    const norm = (fn: (x: Tensor4D) => tf.Scalar) => tf.norm(tf.grad((x) => fn(x as Tensor4D))(made)).dataSync()[0]!;
    const pull = norm(reconstruction);
    const push = norm((x) => adversarialLoss(x, { discriminator, reconstruction }).loss);
    expect(pull).toBeGreaterThan(0);
    expect(push / pull).toBeCloseTo(1, 2);
  });
});

describe('next-scale loss', () => {
  const rng = (drop: number) => ({
    uniform: (_: string, shape: readonly number[]) => tf.fill([...shape], drop),
    normal: (_: string, shape: readonly number[]) => tf.zeros([...shape]),
  });

  function build() {
    const config = {
      V: 8,
      Cvae: 4,
      ch: 4,
      ch_mult: [1],
      num_res_blocks: 1,
      in_channels: 1,
      patch_nums: [1, 2, 4],
      groups: 2,
    };
    const tokenizer = vqTokenizer.build(vqTokenizer.config.parse(config, 'test'), { engine, weights: freshWeights(1) });
    const { layout, space } = tokenizer;
    const size = nextScaleTransformer.config.parse({ classes: 3, depth: 1, width: 8, heads: 2 }, 'test');
    const backbone = nextScaleTransformer.build(size, { layout, space }, { engine, weights: freshWeights(2) });
    const head = categoricalHead.build(
      categoricalHead.config.parse({}, 'test'),
      { width: 8, space },
      { engine, weights: freshWeights(2) },
    );
    return nextScaleLoss({ tokenizer, backbone, head }, { labelDrop: 0.1 });
  }

  const batch = (weights: Float32Array, labels = [0, 2]) => ({
    index_BL: tensorFrom(
      Int32Array.from({ length: 42 }, (_, i) => (i * 5) % 8),
      [2, 21],
      'int32',
    ) as Tensor2D,
    label_B: tensorFrom(Int32Array.from(labels), [2], 'int32'),
    weight_L: tensorFrom(weights, [weights.length]),
  });
  const sizes = [1, 4, 16];
  const all = tokenWeights(sizes, { stage: 2, newest: 1 });

  it('is the mean over tokens, starts near the uniform distribution, and leaves nothing behind', () => {
    const loss = build();
    const given = batch(all);
    const before = tf.memory().numTensors;
    const [value, ...scales] = tf.tidy(() => {
      const { loss: mean, aux } = loss(given, rng(0.5));
      return [...mean.dataSync(), ...aux.scale_S.dataSync()];
    });
    expect(tf.memory().numTensors).toBe(before);
    expect(value).toBeCloseTo(Math.log(8), 1);
    expect((scales[0]! + 4 * scales[1]! + 16 * scales[2]!) / 21).toBeCloseTo(value!, 5);
  });

  it('drops labels by the uniform numbers', () => {
    const loss = build();
    const value = (labels: number[], drop: number) =>
      tf.tidy(() => loss(batch(all, labels), rng(drop)).loss.dataSync()[0]!);
    expect(value([0, 2], 0.05)).toBe(value([1, 1], 0.05));
    expect(value([0, 2], 0.05)).toBe(value([-1, -1], 0.5));
    expect(value([0, 2], 0.5)).not.toBe(value([1, 1], 0.5));
  });

  it('trains the first scales alone where weights are fewer, with the values of all', () => {
    const loss = build();
    const cut = tf.tidy(() => loss(batch(tokenWeights(sizes, { stage: 1, newest: 0.5 })), rng(0.5)));
    const masked = Float32Array.from(all, (weight, i) => (i < 1 ? weight : i < 5 ? weight / 2 : 0));
    const whole = loss(batch(masked), rng(0.5));
    expect(cut.loss.dataSync()[0]).toBeCloseTo(whole.loss.dataSync()[0]!, 6);
    expect(cut.aux.scale_S.shape).toEqual([2]);
    expect(() => loss(batch(all.slice(0, 3)), rng(0.5))).toThrowError(/got 3 token weights/);
  });
});
