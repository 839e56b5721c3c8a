import * as tf from '@tensorflow/tfjs';
import type { Tensor4D } from '@tensorflow/tfjs';
import { describe, expect, it } from 'vitest';
import { furthest, goldenConfig, goldenWeights, readGolden } from '../fixtures/golden.ts';
import { learnToQuantize } from './learn.ts';
import { takeQuantizer } from './quantizer.ts';
import { emptyUsage, recordHits, usageMargin, usagePercent } from './usage.ts';

const golden = readGolden('quantizer_train.safetensors');
const config = goldenConfig(golden);
const scales = config.patch_nums.length;

/** 1 for an error as large as the tensor's largest value. */
function relative(actual: tf.Tensor, expected: ArrayLike<number>): number {
  return furthest(actual.dataSync(), expected) / furthest(expected, new Float32Array(expected.length));
}

describe('learnToQuantize', () => {
  it('equals the official training forward over three calls', () => {
    let usage = emptyUsage(scales, config.V);
    for (const call of [0, 1, 2]) {
      tf.tidy(() => {
        const quantizer = takeQuantizer(goldenWeights(readGolden('weights/vqvae_tiny.safetensors')), config);
        const { map_BHWC, loss, hits_SV } = learnToQuantize(quantizer, golden.image(`in.f.${call}`), config.beta);
        expect(furthest(map_BHWC.dataSync(), golden.image(`out.f_hat.${call}`).dataSync())).toBeLessThan(1e-5);
        expect(loss.dataSync()[0]).toBeCloseTo(golden.numbers(`out.vq_loss.${call}`)[0]!, 6);
        usage = recordHits(usage, hits_SV.dataSync<'float32'>(), scales);
      });
      expect(furthest(usage.ema_SV, golden.numbers(`out.ema_vocab_hit_SV.${call}`))).toBeLessThan(1e-5);
      const percent = usagePercent(usage, scales, usageMargin(2 * 4 * 4, config.V));
      expect(percent).toEqual([...golden.numbers(`out.usages_percent.${call}`)]);
    }
  });

  it('has the official gradients of features, codebook and phis', () => {
    const before = tf.memory().numTensors;
    tf.tidy(() => {
      const weights = goldenWeights(readGolden('weights/vqvae_tiny.safetensors'));
      takeQuantizer(weights, config);
      const names = [...weights.taken.keys()];
      const objective = (features: tf.Tensor, ...params: tf.Tensor[]): tf.Scalar => {
        const source = { has: () => true, param: (name: string) => params[names.indexOf(name)]! };
        const learned = learnToQuantize(takeQuantizer(source, config), features as Tensor4D, config.beta);
        return tf.add(learned.loss, tf.mean(tf.mul(learned.map_BHWC, golden.image('in.W_fhat'))));
      };
      const [features, ...params] = tf.grads(objective)([golden.image('in.f.0'), ...weights.taken.values()]);
      const features_BCHW = tf.transpose(features as Tensor4D, [0, 3, 1, 2]);
      expect(relative(features_BCHW, golden.numbers('grad.f.0'))).toBeLessThan(1e-5);
      for (const [i, name] of names.entries()) {
        const key = name === 'quantize.embedding.weight' ? 'grad.embedding.0' : `grad.${name}.0`;
        expect(relative(params[i]!, golden.numbers(key)), name).toBeLessThan(1e-5);
      }
    });
    expect(tf.memory().numTensors).toBe(before);
  });
});
