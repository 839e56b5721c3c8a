import * as tf from '@tensorflow/tfjs';
import type { Tensor4D } from '@tensorflow/tfjs';
import { estimatesOf, type Size } from '@tessera/autoencoder';
import { furthest, goldenNames, goldenWeights, readGolden, varSchedules, type Golden } from '@tessera/goldens';
import { createEngine } from '@tessera/targets';
import { afterAll, describe, expect, it } from 'vitest';
import { goldenConfig } from '../fixtures/golden-config.ts';
import { vqConfig } from './config.ts';
import {
  learnToQuantize,
  lookUp,
  phiIndex,
  pyramidOf,
  quantize,
  takeQuantizer,
  type Quantized,
  type Quantizer,
} from './quantizer.ts';
import { emptyUsage, recordHits, usageMargin, usagePercent } from './usage.ts';

describe('phiIndex', () => {
  it.each(varSchedules().phi_index)('equals the official choice of $K phis for $SN scales', ({ K, SN, index }) => {
    expect(Array.from({ length: SN }, (_, scale) => phiIndex(scale, SN, K))).toEqual(index);
  });

  it('gives a single scale phi 0', () => {
    expect(phiIndex(0, 1, 4)).toBe(0);
  });
});

function quantizerOf(golden: Golden, who: string): Quantizer {
  const keys = ['V', 'Cvae', 'patch_nums', 'quant_resi', 'share_quant_resi', 'using_znorm'];
  const fields = Object.fromEntries(keys.map((key) => [key, JSON.parse(golden.metadata[key]!)]));
  const config = vqConfig.parse({ ch: 32, ...fields }, who);
  return takeQuantizer(
    goldenWeights(golden, (name) => name.replace('quantize.', 'w.')),
    config,
  );
}

/** Scales given at the call, for a map that is not square. */
function sizesOf(golden: Golden): readonly Size[] | null {
  const given: [number, number][] | null = JSON.parse(golden.metadata.v_patch_nums_argument!);
  return given?.map(([height, width]) => ({ height, width })) ?? null;
}

describe.each(['eager', 'onnx'] as const)('quantize on %s', (target) => {
  const engine = createEngine({ target });
  afterAll(() => engine.dispose());

  it.each(goldenNames('quant_'))('equals the official quantiser: %s', async (name) => {
    const golden = readGolden(name);
    const quantizer = quantizerOf(golden, name);
    const sizes = sizesOf(golden);
    const features = golden.image('in.f');
    const program = engine.compile(
      (features_BHWC: Tensor4D) => {
        const { index_Bl, map_BHWC }: Quantized = quantize(quantizer, features_BHWC, sizes ?? quantizer.sizes);
        const teacher = sizes
          ? null
          : estimatesOf(pyramidOf(quantizer), lookUp(quantizer, tf.concat([...index_Bl], 1)));
        return { index_Bl, map_BHWC, teacher };
      },
      { name: 'quantize', axes: ['B . . .'] },
    );
    const { index_Bl, map_BHWC, teacher } = await program(features);
    for (const [scale, index] of index_Bl.entries()) {
      expect([...(await index.data())]).toEqual([...golden.numbers(`out.idx.${scale}`)]);
      const expected = golden.image(`out.f_hat.${scale}`);
      expect(furthest(await map_BHWC[scale]!.data(), expected.dataSync())).toBeLessThan(1e-5);
      expected.dispose();
    }
    if (teacher) expect(furthest(await teacher.data(), golden.numbers('out.var_input'))).toBeLessThan(1e-5);
    tf.dispose([features, ...index_Bl, ...map_BHWC, teacher ?? []]);
    program.dispose();
  });
});

const golden = readGolden('vqvae_tiny_train');
const goldenVq = goldenConfig(golden);
const scales = goldenVq.patch_nums.length;

/** 1 for an error as large as the tensor's largest value. */
function relative(actual: tf.Tensor, expected: ArrayLike<number>): number {
  return furthest(actual.dataSync(), expected) / furthest(expected, new Float32Array(expected.length));
}

describe('learnToQuantize', () => {
  it.each(['eager', 'onnx'] as const)('equals the official training forward over three calls on %s', async (target) => {
    const engine = createEngine({ target });
    const weights = goldenWeights(readGolden('weights/vqvae_tiny'));
    const quantizer = takeQuantizer(weights, goldenVq);
    const program = engine.compile(
      (features_BHWC: Tensor4D) => ({ ...learnToQuantize(quantizer, features_BHWC, goldenVq.beta) }),
      { name: 'learn', axes: ['B . . .'] },
    );
    let usage = emptyUsage(scales, goldenVq.V);
    for (const call of [0, 1, 2]) {
      const [features, expected] = [golden.image(`in.f.${call}`), golden.image(`out.f_hat.${call}`)];
      const learned = await program(features);
      expect(furthest(await learned.map_BHWC.data(), expected.dataSync())).toBeLessThan(1e-5);
      expect((await learned.loss.data())[0]).toBeCloseTo(golden.numbers(`out.vq_loss.${call}`)[0]!, 6);
      expect(learned.residual_BLC.shape).toEqual([2, 30, 8]);
      usage = recordHits(usage, await learned.hits_SV.data<'float32'>(), scales);
      expect(furthest(usage.ema_SV, golden.numbers(`out.ema_vocab_hit_SV.${call}`))).toBeLessThan(1e-5);
      const percent = usagePercent(usage, scales, usageMargin(2 * 4 * 4, goldenVq.V));
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
      takeQuantizer(weights, goldenVq);
      const names = [...weights.taken.keys()];
      const objective = (features: tf.Tensor, ...params: tf.Tensor[]): tf.Scalar => {
        const source = { has: () => true, param: (name: string) => params[names.indexOf(name)]! };
        const learned = learnToQuantize(takeQuantizer(source, goldenVq), features as Tensor4D, goldenVq.beta);
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
