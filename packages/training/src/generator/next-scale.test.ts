import * as tf from '@tensorflow/tfjs';
import type { Tensor2D } from '@tensorflow/tfjs';
import { nextScaleTransformer } from '@tessera/backbones';
import { buildBackbone, type BackbonePlugin } from '@tessera/core';
import { type Engine, tensorFrom } from '@tessera/engine';
import { varSchedules } from '@tessera/goldens';
import { categoricalHead } from '@tessera/head-categorical';
import { freshWeights } from '@tessera/models';
import { createEngine } from '@tessera/targets';
import { vqTokenizer } from '@tessera/tokenizer-vq';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { nextScaleLoss, progressiveStage, progressiveWeights, tokenWeights } from './next-scale.ts';

let engine: Engine;
beforeAll(() => {
  engine = createEngine({ target: 'eager' });
});
afterAll(() => engine.dispose());

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
    const backbone = buildBackbone(
      { plugin: nextScaleTransformer as BackbonePlugin, config: size },
      { layout, space },
      { engine, weights: freshWeights(2) },
    );
    const head = categoricalHead.build(
      categoricalHead.config.parse({}, 'test'),
      { width: 8, space },
      { engine, weights: freshWeights(2) },
    );
    return nextScaleLoss({ tokenizer, backbone, head }, { conditionDrop: 0.1 });
  }

  const batch = (weights: Float32Array, labels = [0, 2]) => ({
    index_BL: tensorFrom(
      Int32Array.from({ length: 42 }, (_, i) => (i * 5) % 8),
      [2, 21],
      'int32',
    ) as Tensor2D,
    'condition.label_R': tensorFrom(Int32Array.from(labels), [2], 'int32'),
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

const tables = varSchedules();

describe('progressive training of the reference implementation', () => {
  it.each(tables.prog_si)('progressive from scale $pg0', ({ pg, pg0, wp_it, max_it, n_scales, rows_git_progsi }) => {
    const progressive = { until: pg, first: pg0, warmup: wp_it, steps: max_it, scales: n_scales };
    for (const [it, stage] of rows_git_progsi) expect([it, progressiveStage(it, progressive)]).toEqual([it, stage]);
  });
});

describe('progressive weights', () => {
  const progressive = { until: 0.5, first: 1, warmup: 5, steps: 200, scales: 4 };
  const sizes = [1, 4, 9, 16];
  const sum = (it: number) =>
    progressiveWeights(it, { progressive, fade: 10, sizes }).reduce((total, weight) => total + weight, 0);

  it('are 1/L each once every scale counts', () => {
    const weights = progressiveWeights(150, { progressive, fade: 10, sizes });
    expect(new Set(weights)).toEqual(new Set([Math.fround(1 / 30)]));
    expect(progressiveWeights(0, { progressive: null, fade: 1, sizes })).toEqual(weights);
  });

  it('fade the newest scale in', () => {
    expect(sum(0)).toBeCloseTo(5 / 30);
    const stages = Array.from({ length: 100 }, (_, it) => progressiveStage(it, progressive));
    const start = stages.indexOf(2);
    expect(sum(start)).toBeCloseTo((5 + 9 * 0.01) / 30);
    expect(sum(start + 5)).toBeCloseTo((5 + 9 * 0.5) / 30);
    expect(sum(start + 10)).toBeCloseTo(14 / 30);
  });
});
