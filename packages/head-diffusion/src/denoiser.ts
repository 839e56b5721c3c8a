import type { Tensor, Tensor2D } from '@tensorflow/tfjs';
import type { Weights } from '@tessera/core';
import { nn } from '@tessera/engine';
import { affine, runAdaLNMlp, takeAdaLNMlp, takeAffine } from '@tessera/head-kit';

export interface DenoiserDims {
  readonly blocks: number;
  /** W. */
  readonly width: number;
  /** C, channels of a token. */
  readonly channels: number;
  /** D, width of the hidden states. */
  readonly condition: number;
}

/**
 * The network e(x_t | t, z) of the diffusion loss (MAR, arXiv 2406.11838, sections 3.2 and 4.1): a small MLP that is
 * conditioned on the timestep t and the hidden state z of its token. Its residual AdaLN blocks are in head-kit's
 * adaln-mlp.ts, for other heads too. Pure and traceable; N is any number of rows.
 */
export interface Denoiser {
  /** What `embedTime` computes with. */
  readonly timeParams: readonly Tensor[];
  /** [N, 256] of `timestepFeatures` -> [N, W]. */
  embedTime(features: Tensor2D): Tensor2D;
  /** Hidden states [N, D] -> [N, W]. */
  embedCondition(values_ND: Tensor2D): Tensor2D;
  /**
   * Noised tokens [N, C] and the sum of both embeddings [N, W] -> [N, 2C]: first the noise, then v, which says where
   * the log variance lies between its bounds (see `Chain`).
   */
  denoise(noised_NC: Tensor2D, condition_NW: Tensor2D): Tensor2D;
}

/**
 * Takes the parameters `diffloss.net.*` under their official names; they stay the source's own. Only the weights of the
 * timestep start normal.
 */
export function openDenoiser({ blocks, width, channels, condition }: DenoiserDims, weights: Weights): Denoiser {
  const prefix = 'diffloss.net.';
  const narrow = { kind: 'normal', std: 0.02 } as const;
  const time = [
    takeAffine(weights, `${prefix}time_embed.mlp.0`, { shape: [width, TIMESTEP_FEATURES], init: narrow }),
    takeAffine(weights, `${prefix}time_embed.mlp.2`, { shape: [width, width], init: narrow }),
  ] as const;
  const conditionLayer = takeAffine(weights, `${prefix}cond_embed`, { shape: [width, condition] });
  const mlp = takeAdaLNMlp({ blocks, width, inputs: channels, outputs: 2 * channels }, weights, prefix);
  return {
    timeParams: time.flatMap(({ weight, bias }) => [weight, bias]),
    embedTime: (features) => affine(nn.silu(affine(features, time[0])), time[1]),
    embedCondition: (values_ND) => affine(values_ND, conditionLayer),
    denoise: (noised_NC, condition_NW) => runAdaLNMlp(mlp, noised_NC, condition_NW),
  };
}

/** Numbers that tell a denoiser its timestep: half of them cosines, half sines. */
export const TIMESTEP_FEATURES = 256;

/**
 * [T, 256] row-major: cos(t f_j), then sin(t f_j), with f_j = 10000^(-j/128) (Vaswani et al. 2017, section 3.5). Rounded
 * to float32 where the official code rounds: published weights have seen those angles.
 */
export function timestepFeatures(timesteps: ArrayLike<number>): Float32Array {
  const half = TIMESTEP_FEATURES / 2;
  const out = new Float32Array(timesteps.length * TIMESTEP_FEATURES);
  for (let j = 0; j < half; j++) {
    const frequency = Math.fround(Math.exp(Math.fround(Math.fround(-Math.log(10000)) * j) / half));
    for (let row = 0; row < timesteps.length; row++) {
      const angle = Math.fround(timesteps[row]! * frequency);
      out[row * TIMESTEP_FEATURES + j] = Math.cos(angle);
      out[row * TIMESTEP_FEATURES + half + j] = Math.sin(angle);
    }
  }
  return out;
}
