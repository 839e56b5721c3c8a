import * as tf from '@tensorflow/tfjs';
import type { Tensor, Tensor4D } from '@tensorflow/tfjs';
import { tensorFrom } from '@tessera/engine';
import { furthest, goldenWeights, readGolden } from '@tessera/goldens';
import { createEngine } from '@tessera/targets';
import { afterAll, describe, expect, it } from 'vitest';
import { goldenConfig } from '../fixtures/golden-config.ts';
import {
  clampMoments,
  decodeLatent,
  encodeMoments,
  fromTokens,
  klDivergence,
  latentOf,
  openKlVae,
  toTokens,
  type KlVae,
} from './kl-vae.ts';

const golden = readGolden('klvae_tiny');
const config = goldenConfig(golden);

/** Names that the recording gives to what no layer of its own makes. */
const OTHER_NAMES: Readonly<Record<string, string>> = { quant_conv: 'moments' };

function everything(model: KlVae, given: { image: Tensor4D; noise: Tensor4D; latent: Tensor4D }) {
  const layers: Record<string, Tensor4D> = {};
  const tap = (path: string, output: Tensor4D): void => {
    layers[OTHER_NAMES[path] ?? path] = output;
  };
  const moments = encodeMoments(model, given.image, tap);
  const [mean, logvar_clamped] = tf.split(moments, 2, 3) as [Tensor4D, Tensor4D];
  const sample = latentOf(moments, given.noise);
  const dec = decodeLatent(model, given.latent, tap);
  const enc = layers['encoder.conv_out']!;
  const results = { enc, mean, logvar_clamped, sample, dec };
  delete layers['post_quant_conv']; // not recorded
  return { ...layers, ...results, kl: klDivergence(moments) };
}

/** The recorded numbers in our layout. */
function expected(name: string): Float32Array {
  return tf.tidy(() =>
    golden.shape(name).length === 4 ? golden.image(name).dataSync<'float32'>() : golden.tensor(name).dataSync(),
  ) as Float32Array;
}

describe.each(['eager', 'onnx'] as const)('the KL-VAE on %s', (target) => {
  const engine = createEngine({ target });
  afterAll(() => engine.dispose());

  it('equals the official layers, moments, samples, divergence and pictures', async () => {
    const start = tf.memory().numTensors;
    const weights = goldenWeights(readGolden('weights/klvae_tiny'));
    const model = openKlVae(config, weights);
    const program = engine.compile((given: Parameters<typeof everything>[1]) => everything(model, given), {
      name: 'kl',
    });
    const given = {
      image: golden.image('in.img'),
      noise: golden.image('rand.eps'),
      latent: golden.image('in.z'),
    };
    const made: Record<string, Tensor> = await program(given);
    for (const [name, tensor] of Object.entries(made)) {
      const wanted = expected(`out.${name}`);
      // Layers are recorded of the first image alone.
      const numbers = (await tensor.data()).subarray(0, wanted.length);
      const tolerance = name === 'kl' ? 1e-5 * Math.max(...wanted) : 1e-4;
      expect(furthest(numbers, wanted), name).toBeLessThan(tolerance);
    }
    const compared = Object.keys(made).map((name) => `out.${name}`);
    const left = golden.names.filter((name) => name.startsWith('out.') && !compared.includes(name));
    expect(left).toEqual(['out.std', 'out.nll_of_sample', 'out.big.logvar_clamped', 'out.rec', 'out.train_loss']);
    tf.dispose([...Object.values(given), ...Object.values(made)]);
    program.dispose();
    weights.dispose();
    expect(tf.memory().numTensors).toBe(start);
  });

  it('clamps log-variances that would overflow', async () => {
    const moments = golden.image('in.moments_big');
    const program = engine.compile(
      (big: Tensor4D) => ({
        clamped: clampMoments(big),
        spread: latentOf(clampMoments(big), tf.onesLike(big.slice([0, 0, 0, 0], [-1, -1, -1, 4]))),
      }),
      { name: 'clamp' },
    );
    const { clamped, spread } = await program(moments);
    const [mean, logVariance] = tf.split(clamped, 2, 3);
    const wanted = expected('out.big.logvar_clamped');
    expect(furthest(await logVariance!.data(), wanted)).toBe(0);
    expect([Math.min(...wanted), Math.max(...wanted)]).toEqual([-30, 20]);
    expect((await spread.data()).every(Number.isFinite)).toBe(true);
    tf.dispose([moments, clamped, spread, mean!, logVariance!]);
    program.dispose();
  });
});

describe('training the KL-VAE', () => {
  it('has the official standard deviation', () => {
    tf.tidy(() => {
      const moments = tf.concat([golden.image('out.mean'), golden.image('out.logvar_clamped')], 3) as Tensor4D;
      const ones = tf.onesLike(golden.image('out.mean')) as Tensor4D;
      const std = tf.sub(latentOf(moments, ones), latentOf(moments, null));
      expect(furthest(std.dataSync(), expected('out.std'))).toBeLessThan(1e-6);
    });
  });

  // Plain tfjs gives the same, but takes a minute for it.
  it('has the official gradients', async () => {
    const start = tf.memory().numTensors;
    const engine = createEngine();
    const weights = goldenWeights(readGolden('weights/klvae_tiny'));
    openKlVae(config, weights);
    const names = [...weights.taken.keys()];
    const thereAndBack = (image: Tensor4D, noise: Tensor4D, params: readonly Tensor[]) => {
      const source = { has: () => true, param: (name: string) => params[names.indexOf(name)]! };
      const model = openKlVae(config, source);
      const moments = encodeMoments(model, image);
      return { moments, rec: decodeLatent(model, latentOf(moments, noise)) };
    };
    const loss = (image: Tensor4D, noise: Tensor4D, params: readonly Tensor[]): tf.Scalar => {
      const { moments, rec } = thereAndBack(image, noise, params);
      return tf.add(tf.mean(tf.square(tf.sub(rec, image))), tf.mul(tf.mean(klDivergence(moments)), 1e-3));
    };
    const step = engine.compile(
      (image: Tensor4D, noise: Tensor4D, ...params: Tensor[]) => {
        const { value, grads } = tf.valueAndGrads((...all: Tensor[]) => loss(image, noise, all))(params);
        return { value, grads, rec: thereAndBack(image, noise, params).rec };
      },
      { name: 'kl.gradients' },
    );
    const [image, noise] = [golden.image('in.img'), golden.image('rand.eps')];
    const { value, grads, rec } = await step(image, noise, ...[...weights.taken.values()].map(({ tensor }) => tensor));
    const wanted = golden.numbers('out.train_loss')[0]!;
    expect(Math.abs((await value.data())[0]! - wanted)).toBeLessThan(1e-5 * wanted);
    expect(furthest(await rec.data(), expected('out.rec'))).toBeLessThan(1e-4);
    const recorded = golden.names.filter((name) => name.startsWith('grad.'));
    expect(recorded).toHaveLength(15);
    for (const name of recorded) {
      const gradient = await grads[names.indexOf(name.replace('grad.', ''))]!.data();
      const official = golden.numbers(name);
      const largest = furthest(official, new Float32Array(official.length));
      // A key's bias moves no attention: its gradient is zero but for rounding.
      const tolerance = name.endsWith('.k.bias') ? 1e-6 : 2e-3 * largest;
      expect(furthest(gradient, official), name).toBeLessThan(tolerance);
    }
    tf.dispose([image, noise, value, rec, ...grads]);
    step.dispose();
    weights.dispose();
    engine.dispose();
    expect(tf.memory().numTensors).toBe(start);
  });
});

describe.each(['eager', 'onnx'] as const)('tokens of latents on %s', (target) => {
  it('hold channel, then row, then column of their patch', async () => {
    const engine = createEngine({ target });
    const start = tf.memory().numTensors;
    // A number tells its place: image, row, column, channel.
    const places = [0, 1].flatMap((b) =>
      [0, 1, 2, 3].flatMap((y) => [0, 1, 2, 3].flatMap((x) => [0, 1, 2].map((z) => 1000 * b + 100 * y + 10 * x + z))),
    );
    const latent = tensorFrom(Float32Array.from(places), [2, 4, 4, 3]) as tf.Tensor4D;
    const program = engine.compile(
      (latent_Bhwz: tf.Tensor4D) => {
        const tokens = toTokens(latent_Bhwz, 2);
        const plain = toTokens(latent_Bhwz, 1);
        return { tokens, back: fromTokens(tokens, 2), plain, plainBack: fromTokens(plain, 1) };
      },
      { name: 'patches', axes: ['B . . .'] },
    );
    const { tokens, back, plain, plainBack } = await program(latent);
    expect([tokens.shape, plain.shape]).toEqual([
      [2, 4, 12],
      [2, 16, 3],
    ]);
    const numbers = await tokens.data();
    expect([...numbers.subarray(12, 24)]).toEqual([20, 30, 120, 130, 21, 31, 121, 131, 22, 32, 122, 132]);
    expect([...numbers.subarray(7 * 12, 7 * 12 + 2)]).toEqual([1220, 1230]);
    expect([...(await back.data())]).toEqual(places);
    expect([...(await plain.data())]).toEqual(places);
    expect([...(await plainBack.data())]).toEqual(places);
    tf.dispose([latent, tokens, back, plain, plainBack]);
    engine.dispose();
    expect(tf.memory().numTensors).toBe(start);
  });
});
