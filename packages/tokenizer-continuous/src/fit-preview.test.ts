import * as tf from '@tensorflow/tfjs';
import type { Tensor4D } from '@tensorflow/tfjs';
import { linearPreview, toNetworkRange, type LinearPreview } from '@tessera/autoencoder';
import { nn } from '@tessera/engine';
import { goldenWeights, readGolden } from '@tessera/goldens';
import { createEngine } from '@tessera/targets';
import { describe, expect, it } from 'vitest';
import { goldenConfig } from '../fixtures/golden-config.ts';
import { fitPreviewOnImages, fitPreviewOnNoise } from './fit-preview.ts';
import { encodeMoments, latentOf, openKlVae } from './kl-vae.ts';

const golden = readGolden('klvae_tiny');
const config = goldenConfig(golden);

describe('the linear preview', () => {
  it('fitted on images comes nearer to them than their mean colour does', async () => {
    const engine = createEngine();
    const start = tf.memory().numTensors;
    const weights = goldenWeights(readGolden('weights/klvae_tiny'));
    const model = openKlVae(config, weights);
    const image = tf.tidy(() => tf.div(tf.add(golden.image('in.img'), 1), 2)) as Tensor4D;
    const preview = await fitPreviewOnImages(engine, model, image);
    expect([preview.weight.length, preview.weight[0]!.length, preview.bias.length]).toEqual([4, 3, 3]);
    const error = (map: LinearPreview): number =>
      tf.tidy(() => {
        const small = nn.resize(image, 8, 8, 'area');
        const latent = latentOf(encodeMoments(model, toNetworkRange(image)), null);
        return tf.mean(tf.square(tf.sub(linearPreview(map, latent), small))).dataSync()[0]!;
      });
    const mean = tf.tidy(() => [...tf.mean(image, [0, 1, 2]).dataSync()]);
    const flat = { weight: preview.weight.map((row) => row.map(() => 0)), bias: mean };
    expect(error(preview)).toBeLessThan(error(flat));
    image.dispose();
    weights.dispose();
    engine.dispose();
    expect(tf.memory().numTensors).toBe(start);
  });

  it('fitted on noise is the same every time', async () => {
    const engine = createEngine();
    const start = tf.memory().numTensors;
    const weights = goldenWeights(readGolden('weights/klvae_tiny'));
    const model = openKlVae(config, weights);
    const preview = await fitPreviewOnNoise(engine, model);
    expect(preview.weight.flat().every(Number.isFinite)).toBe(true);
    expect(preview.weight.flat().some((value) => Math.abs(value) > 1e-4)).toBe(true);
    expect(await fitPreviewOnNoise(engine, model)).toEqual(preview);
    weights.dispose();
    engine.dispose();
    expect(tf.memory().numTensors).toBe(start);
  });
});
