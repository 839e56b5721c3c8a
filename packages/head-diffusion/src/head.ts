import * as tf from '@tensorflow/tfjs';
import type { Tensor, Tensor2D } from '@tensorflow/tfjs';
import type { BuildContext, Head, Space } from '@tessera/core';
import { defineHead } from '@tessera/plugin-kit';
import { tensorFrom } from '@tessera/engine';
import { tokensFrom } from '@tessera/head-kit';
import { openDenoiser, timestepFeatures, TIMESTEP_FEATURES } from './denoiser.ts';
import { tokenLoss } from './loss.ts';
import { diffusionConfig, diffusionOptions, type DiffusionConfig, type DiffusionOptions } from './options.ts';
import { openSampler } from './sampler.ts';
import { TRAINED_STEPS } from './schedule.ts';

/**
 * A distribution over values: each token is denoised from noise on its own, given its hidden state (MAR, arXiv
 * 2406.11838, section 3.2). Discrete tokens are predicted by their embeddings, and drawn without an index (MAR, table 2,
 * "VQ-16" with diffusion loss).
 */
export const diffusionHead = defineHead({
  contract: 2,
  name: 'diffusion',
  package: '@tessera/head-diffusion',
  space: 'continuous',
  mixes: 'noise',
  config: diffusionConfig,
  options: () => diffusionOptions,
  build: (config, dims, context) => buildHead(config, dims, context),
});

/** Tokens of factors are met as continuous ones. */
type ValueSpace = Exclude<Space, { kind: 'factors' }>;

interface HeadDims {
  /** Of the hidden states. */
  readonly width: number;
  readonly space: ValueSpace;
}

function buildHead(
  { blocks, width, repeats }: DiffusionConfig,
  { width: condition, space }: HeadDims,
  { engine, weights }: BuildContext,
): Head<DiffusionOptions> {
  const { channels } = space;
  const scale = tokenScale(space);
  const denoiser = openDenoiser({ blocks, width, channels, condition }, weights);
  const sampler = openSampler(engine, denoiser, { channels, toTokens: scale && scale.toTokens });
  const timesteps = Array.from({ length: TRAINED_STEPS }, (_, step) => step);
  const features = tensorFrom(timestepFeatures(timesteps), [TRAINED_STEPS, TIMESTEP_FEATURES]) as Tensor2D;
  return {
    loss: (hidden, { values_BlC }, context) => {
      const values_BlD = hidden.values_BlD;
      return tokenLoss(
        { denoiser, toUnit: scale && scale.toUnit, features, repeats },
        { values_BlD, values_BlC },
        context.rng,
      );
    },
    sample: async (hidden, context) => {
      const values_BlC = tokensFrom(await sampler.sample(hidden, context), context.rows, channels);
      return { tokens: { values_BlC } };
    },
    dispose: () => {
      features.dispose();
      sampler.dispose();
    },
  };
}

/** Brings tokens to the standard deviation of about 1 that the noise schedule assumes, and back. Traceable. */
interface TokenScale {
  toUnit(values_NC: Tensor2D): Tensor2D;
  toTokens(unit_NC: Tensor2D): Tensor2D;
}

/**
 * The scale of a space: null for continuous tokens, which have it by contract. Discrete ones are divided by the standard
 * deviation of their codebook's numbers, computed in the program: so it follows a codebook that is trained.
 */
function tokenScale(space: ValueSpace): TokenScale | null {
  if (space.kind === 'continuous') return null;
  const { codebook_VC } = space;
  return {
    toUnit: (values_NC) => tf.div(values_NC, deviation(codebook_VC)),
    toTokens: (unit_NC) => tf.mul(unit_NC, deviation(codebook_VC)),
  };
}

function deviation(x: Tensor): Tensor {
  return tf.sqrt(tf.mean(tf.square(tf.sub(x, tf.mean(x)))));
}
