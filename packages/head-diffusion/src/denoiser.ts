import * as tf from '@tensorflow/tfjs';
import type { Tensor, Tensor2D } from '@tensorflow/tfjs';
import type { Weights } from '@tessera/core';
import { nn } from '@tessera/engine';
import { denoiserParams, type Affine, type DenoiserDims } from './denoiser-params.ts';

const EPS = 1e-6;

/**
 * MAR's denoiser (arXiv 2406.11838, section 4): an MLP whose residual blocks are modulated by timestep and condition.
 * Pure and traceable; N is any number of rows.
 */
export interface Denoiser {
  /** What `embedTime` computes with. */
  readonly timeParams: readonly Tensor[];
  /** [N, 256] of `timestepFeatures` -> [N, W]. */
  embedTime(features: Tensor2D): Tensor2D;
  /** Hidden states [N, D] -> [N, W]. */
  embedCondition(values_ND: Tensor2D): Tensor2D;
  /** Noised tokens [N, C] and the sum of both embeddings [N, W] -> [N, 2C]: the noise, then where its variance lies. */
  denoise(noised_NC: Tensor2D, mood_NW: Tensor2D): Tensor2D;
}

/** Takes the parameters `diffloss.net.*`, which stay the source's own. */
export function openDenoiser(dims: DenoiserDims, weights: Weights): Denoiser {
  const { time, condition, input, blocks, final } = denoiserParams(dims, weights);
  const { width } = dims;
  return {
    timeParams: time.flatMap(({ weight, bias }) => [weight, bias]),
    embedTime: (features) => linear(nn.silu(linear(features, time[0])), time[1]),
    embedCondition: (values_ND) => linear(values_ND, condition),
    denoise: (noised_NC, mood_NW) => {
      const active_NW = nn.silu(mood_NW);
      let x_NW = linear(noised_NC, input);
      for (const { norm, modulation, inner, outer } of blocks) {
        const [shift, scale, gate] = modulations(active_NW, modulation, [0, 1, 0]);
        const seen = modulate(nn.layerNorm(x_NW, EPS, norm.weight, norm.bias), shift!, scale!);
        const change = linear(nn.silu(linear(seen, inner)), outer);
        x_NW = tf.add(x_NW, tf.mul(gate!, change));
      }
      const [shift, scale] = modulations(active_NW, final.modulation, [0, 1]);
      return linear(modulate(nn.layerNorm(x_NW, EPS), shift!, scale!), final.linear);
    },
  };

  /** One product, parted; `offsets` go to the bias, which is cheaper than adding 1 to every row's scale. */
  function modulations(active_NW: Tensor2D, layer: Affine, offsets: readonly number[]): Tensor2D[] {
    const offset = tf.tensor1d(offsets.flatMap((value) => Array<number>(width).fill(value)));
    const all = nn.linear(active_NW, layer.weight, tf.add(layer.bias, offset));
    return tf.split(all, offsets.length, 1);
  }
}

function linear(x: Tensor2D, { weight, bias }: Affine): Tensor2D {
  return nn.linear(x, weight, bias);
}

function modulate(x: Tensor2D, shift: Tensor2D, scale: Tensor2D): Tensor2D {
  return tf.add(tf.mul(x, scale), shift);
}
