import * as tf from '@tensorflow/tfjs';
import type { Scalar, Tensor, Tensor1D, Tensor2D } from '@tensorflow/tfjs';
import type { ParamSpec, Weights } from '@tessera/core';
import { createEngine } from '@tessera/targets';
import { furthest, goldenWeights, marInventory, readGolden } from '@tessera/goldens';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openDenoiser, timestepFeatures, type Denoiser, type DenoiserDims } from './denoiser.ts';
import { addNoise, diffusionLosses } from './loss.ts';

const cases = ['mar_tiny_net', 'mar_tiny_patch2_net'];
const targets = ['eager', 'onnx'] as const;

describe.each(targets.flatMap((target) => cases.map((name) => [name, target] as const)))('%s on %s', (name, target) => {
  const recorded = readGolden(name);
  const config = JSON.parse(recorded.metadata['config']!);
  const weights = goldenWeights(readGolden(config.weights_mar.replace('.safetensors', '')));
  let denoiser: Denoiser;
  let given: Record<'x' | 'z' | 'x_start' | 'noise' | 'features', Tensor2D> & { t: Tensor1D };

  beforeAll(async () => {
    await tf.setBackend('cpu');
    denoiser = openDenoiser(
      {
        blocks: config.diffloss_d,
        width: config.diffloss_w,
        channels: config.vae_embed_dim * config.patch_size ** 2,
        condition: config.decoder_embed_dim,
      },
      weights,
    );
    const rows = (key: string) => recorded.tensor(`in.${key}`) as Tensor2D;
    given = {
      x: rows('x'),
      z: rows('z'),
      x_start: rows('x_start'),
      noise: rows('noise'),
      t: recorded.tensor('in.t') as Tensor1D,
      // the recorded ones, whose angles differ from ours in the last bit
      features: recorded.tensor('out.t_freq') as Tensor2D,
    };
  });
  afterAll(() => {
    weights.dispose();
    tf.dispose(given);
  });

  const lossesOf = (z_ND: Tensor2D) => {
    const rows = { clean_NC: given.x_start, noise_NC: given.noise, timestep_N: given.t };
    const noised_NC = addNoise(rows);
    const condition_NW = tf.add<Tensor2D>(denoiser.embedTime(given.features), denoiser.embedCondition(z_ND));
    return { noised_NC, ...diffusionLosses({ ...rows, denoised_N2C: denoiser.denoise(noised_NC, condition_NW) }) };
  };

  /** How far each result is from what was recorded under its name, as a share of `tolerance(expected)`. */
  async function worst(fn: () => Record<string, Tensor>, tolerance: (expected: number, largest: number) => number) {
    const engine = createEngine({ target, threads: 1 });
    const results = await engine.compile(fn, { name })();
    const shares: [string, number][] = [];
    for (const [key, result] of Object.entries(results)) {
      const [made, expected] = [await result.data(), recorded.numbers(key)];
      const largest = Math.max(...expected.map(Math.abs));
      expect(made).toHaveLength(expected.length);
      shares.push([key, Math.max(...expected.map((x, i) => Math.abs(made[i]! - x) / tolerance(x, largest)))]);
      result.dispose();
    }
    engine.dispose();
    return shares.filter(([, share]) => !(share < 1));
  }

  it('tells timesteps apart as recorded', () => {
    const made = timestepFeatures(recorded.numbers('in.t'));
    expect(furthest(made, recorded.numbers('out.t_freq'))).toBeLessThan(1e-4);
  });

  it('embeds and denoises as recorded', async () => {
    const wrong = await worst(
      () => {
        const time = denoiser.embedTime(given.features);
        const condition_NW = tf.add<Tensor2D>(time, denoiser.embedCondition(given.z));
        return { 'out.t_emb': time, 'out.net': denoiser.denoise(given.x, condition_NW) };
      },
      () => 1e-5,
    );
    expect(wrong).toEqual([]);
  });

  it('has the recorded losses, at the first timestep too', async () => {
    expect(recorded.numbers('in.t')).toContain(0);
    const wrong = await worst(
      () => {
        const { noised_NC, mse_N, vb_N } = lossesOf(given.z);
        return { 'out.x_t': noised_NC, 'out.mse': mse_N, 'out.vb': vb_N, 'out.loss': tf.add(mse_N, vb_N) };
      },
      (expected) => 1e-5 * Math.abs(expected) + 2e-6,
    );
    expect(wrong).toEqual([]);
  });

  it('has the recorded gradients', async () => {
    const names = recorded.names.filter((key) => key.startsWith('grad.') && key !== 'grad.z');
    const params = names.map((key) => weights.taken.get(`diffloss.net.${key.slice(5)}`)!.tensor);
    const wrong = await worst(
      () => {
        const gradients = tf.grads((z_ND) => {
          const { mse_N, vb_N } = lossesOf(z_ND as Tensor2D);
          return tf.mean(tf.add(mse_N, vb_N)) as Scalar;
        })([given.z, ...params]);
        return Object.fromEntries(['grad.z', ...names].map((key, i) => [key, gradients[i]!]));
      },
      (expected, largest) => 2e-3 * Math.abs(expected) + 1e-6 * largest,
    );
    expect(wrong).toEqual([]);
    expect(params).toHaveLength(9);
  });
});

function ask(dims: DenoiserDims): Map<string, { shape: readonly number[]; spec: ParamSpec }> {
  const asked = new Map<string, { shape: readonly number[]; spec: ParamSpec }>();
  const nothing = tf.scalar(0);
  const weights: Weights = {
    has: () => true,
    param: (name, shape, spec) => {
      expect(asked.has(name)).toBe(false);
      asked.set(name, { shape, spec });
      return nothing;
    },
  };
  openDenoiser(dims, weights);
  nothing.dispose();
  return asked;
}

describe('the parameters of the denoiser', () => {
  it.each([
    ['mar_base', { blocks: 6, width: 1024, condition: 768 }],
    ['mar_large', { blocks: 8, width: 1280, condition: 1024 }],
    ['mar_huge', { blocks: 12, width: 1536, condition: 1280 }],
  ])('asks for what %s holds', (name, dims) => {
    const entries = Object.entries(marInventory()[name]!.entries).filter(([key]) => key.startsWith('diffloss.'));
    const official = Object.fromEntries(entries.map(([key, [, shape]]) => [key, shape]));
    const asked = ask({ ...dims, channels: 16 });
    expect(Object.fromEntries([...asked].map(([key, { shape }]) => [key, shape]))).toEqual(official);
  });

  it('starts so that a fresh denoiser predicts 0, and lets nothing decay', () => {
    const asked = ask({ blocks: 2, width: 64, channels: 4, condition: 32 });
    const init = (name: string) => asked.get(`diffloss.net.${name}`)!.spec.init;
    for (const layer of ['res_blocks.1.adaLN_modulation.1', 'final_layer.adaLN_modulation.1', 'final_layer.linear']) {
      expect([init(`${layer}.weight`), init(`${layer}.bias`)]).toEqual([{ kind: 'zeros' }, { kind: 'zeros' }]);
    }
    expect(init('res_blocks.0.in_ln.weight')).toEqual({ kind: 'ones' });
    expect(init('time_embed.mlp.2.weight')).toEqual({ kind: 'normal', std: 0.02 });
    expect(init('cond_embed.weight')).toEqual({ kind: 'uniform', bound: 0.25 });
    expect([...asked.values()].some(({ spec }) => spec.decay)).toBe(false);
  });
});
