import * as tf from '@tensorflow/tfjs';
import type { Tensor1D, Tensor2D, Tensor3D } from '@tensorflow/tfjs';
import type { BuildContext, Head, Space, Taught, Tokens, TrainContext } from '@tessera/core';
import { defineHead } from '@tessera/plugin-kit';
import { tensorFrom } from '@tessera/engine';
import { diffusionConfig, diffusionOptions, type DiffusionConfig, type DiffusionOptions } from './config.ts';
import { openDenoiser, type Denoiser } from './denoiser.ts';
import { addNoise, diffusionLosses } from './diffusion-loss.ts';
import { TRAINED_STEPS } from './respacing.ts';
import { openSampler } from './token-sampler.ts';
import { tokenScale, type TokenScale } from './token-scale.ts';
import { TIMESTEP_FEATURES, timestepFeatures } from './timestep-features.ts';

const NAME = 'diffusion';

/**
 * A distribution over values: each token is denoised from noise on its own, given its hidden state (MAR). Discrete tokens
 * are predicted by their embeddings, and drawn without an index (MAR's table 2, "VQ-16" with diffusion loss).
 */
export const diffusionHead = defineHead({
  contract: 1,
  name: NAME,
  package: '@tessera/head-diffusion',
  space: 'continuous',
  config: diffusionConfig,
  options: () => diffusionOptions,
  build: (config, dims, context) => buildHead(config, dims, context),
});

interface HeadDims {
  readonly width: number;
  readonly space: Space;
}

function buildHead(
  { blocks, width, repeats }: DiffusionConfig,
  { width: condition, space }: HeadDims,
  { engine, weights }: BuildContext,
): Head<DiffusionOptions> {
  const { channels } = space;
  const scale = tokenScale(space);
  const denoiser = openDenoiser({ blocks, width, channels, condition }, weights);
  const sampler = openSampler(engine, denoiser, { channels, scale });
  const timesteps = Array.from({ length: TRAINED_STEPS }, (_, step) => step);
  const features = tensorFrom(timestepFeatures(timesteps), [TRAINED_STEPS, TIMESTEP_FEATURES]) as Tensor2D;
  return {
    loss: (taught, target, context) => teach({ denoiser, scale, features, repeats }, { taught, target }, context),
    sample: async (hidden, context) => {
      const shape = [context.rows.length, hidden.positions_Bl.length / context.rows.length, channels];
      const values_BlC = tensorFrom(await sampler.sample(hidden, context), shape) as Tensor3D;
      return { tokens: { values_BlC } };
    },
    dispose: () => {
      features.dispose();
      sampler.dispose();
    },
  };
}

interface Teacher {
  readonly denoiser: Denoiser;
  readonly scale: TokenScale | null;
  /** Of every timestep, [1000, 256]. */
  readonly features: Tensor2D;
  readonly repeats: number;
}

/**
 * Mean loss of each token over `repeats` timesteps. All of them go through the denoiser at once, [M B l] rows; hidden
 * states are embedded once, and timesteps too where there are more rows than timesteps.
 */
function teach(
  { denoiser, scale, features, repeats: M }: Teacher,
  { taught, target }: { readonly taught: Taught; readonly target: Tokens },
  { rng }: TrainContext,
): Tensor2D {
  const { values_BlD } = taught;
  const { values_BlC } = target;
  const [B, l, C] = values_BlC.shape;
  const [tokens, rows] = [B * l, M * B * l];
  const drawn = tf.floor(tf.mul(rng.uniform('timestep', [M, B, l]), TRAINED_STEPS));
  const timestep_N = tf.reshape(tf.cast(drawn, 'int32'), [rows]) as Tensor1D;
  const noise_NC = tf.reshape(rng.normal('diffusion-noise', [M, B, l, C]), [rows, C]) as Tensor2D;
  const values_tC = tf.reshape(values_BlC, [tokens, C]) as Tensor2D;
  const clean_NC = tf.tile(scale ? scale.toUnit(values_tC) : values_tC, [M, 1]);
  const condition_tW = denoiser.embedCondition(tf.reshape(values_BlD, [tokens, -1]) as Tensor2D);
  const time_NW = (
    rows > TRAINED_STEPS
      ? tf.gather(denoiser.embedTime(features), timestep_N)
      : denoiser.embedTime(tf.gather(features, timestep_N))
  ) as Tensor2D;
  const mood = tf.add(tf.reshape(time_NW, [M, tokens, -1]), tf.expandDims(condition_tW, 0));
  const mood_NW = tf.reshape(mood, time_NW.shape) as Tensor2D;
  const noised_NC = addNoise({ clean_NC, noise_NC, timestep_N });
  const denoised_N2C = denoiser.denoise(noised_NC, mood_NW);
  const { mse_N, vb_N } = diffusionLosses({ clean_NC, noise_NC, timestep_N, denoised_N2C });
  return tf.mean(tf.reshape(tf.add(mse_N, vb_N), [M, B, l]), 0) as Tensor2D;
}
