import * as tf from '@tensorflow/tfjs';
import type { Tensor4D } from '@tensorflow/tfjs';
import { createEngine } from '@tessera/targets';
import { furthest, goldenWeights, readGolden } from '@tessera/goldens';
import { describe, expect, it } from 'vitest';
import { goldenConfig } from '../fixtures/golden-config.ts';
import { learnToQuantize } from './learn.ts';
import { takeQuantizer } from './quantizer.ts';
import { emptyUsage, recordHits, usageMargin, usagePercent } from './usage.ts';

const golden = readGolden('vqvae_tiny_train');
const config = goldenConfig(golden);
const scales = config.patch_nums.length;

/** 1 for an error as large as the tensor's largest value. */
function relative(actual: tf.Tensor, expected: ArrayLike<number>): number {
  return furthest(actual.dataSync(), expected) / furthest(expected, new Float32Array(expected.length));
}

describe('learnToQuantize', () => {
  it.each(['eager', 'onnx'] as const)('equals the official training forward over three calls on %s', async (target) => {
    const engine = createEngine({ target });
    const weights = goldenWeights(readGolden('weights/vqvae_tiny'));
    const quantizer = takeQuantizer(weights, config);
    const program = engine.compile(
      (features_BHWC: Tensor4D) => ({ ...learnToQuantize(quantizer, features_BHWC, config.beta) }),
      { name: 'learn', axes: ['B . . .'] },
    );
    let usage = emptyUsage(scales, config.V);
    for (const call of [0, 1, 2]) {
      const [features, expected] = [golden.image(`in.f.${call}`), golden.image(`out.f_hat.${call}`)];
      const learned = await program(features);
      expect(furthest(await learned.map_BHWC.data(), expected.dataSync())).toBeLessThan(1e-5);
      expect((await learned.loss.data())[0]).toBeCloseTo(golden.numbers(`out.vq_loss.${call}`)[0]!, 6);
      expect(learned.residual_BLC.shape).toEqual([2, 30, 8]);
      usage = recordHits(usage, await learned.hits_SV.data<'float32'>(), scales);
      expect(furthest(usage.ema_SV, golden.numbers(`out.ema_vocab_hit_SV.${call}`))).toBeLessThan(1e-5);
      const percent = usagePercent(usage, scales, usageMargin(2 * 4 * 4, config.V));
      expect(percent).toEqual([...golden.numbers(`out.usages_percent.${call}`)]);
      tf.dispose([features, expected, ...Object.values(learned)]);
    }
    engine.dispose();
    weights.dispose();
  });

  it('has the official gradients of features, codebook and phis', () => {
    const before = tf.memory().numTensors;
    tf.tidy(() => {
      const weights = goldenWeights(readGolden('weights/vqvae_tiny'));
      takeQuantizer(weights, config);
      const names = [...weights.taken.keys()];
      const objective = (features: tf.Tensor, ...params: tf.Tensor[]): tf.Scalar => {
        const source = { has: () => true, param: (name: string) => params[names.indexOf(name)]! };
        const learned = learnToQuantize(takeQuantizer(source, config), features as Tensor4D, config.beta);
        return tf.add(learned.loss, tf.mean(tf.mul(learned.map_BHWC, golden.image('in.W_fhat'))));
      };
      const given = [...weights.taken.values()].map(({ tensor }) => tensor);
      const [features, ...params] = tf.grads(objective)([golden.image('in.f.0'), ...given]);
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
