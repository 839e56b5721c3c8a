import type { Tensor } from '@tensorflow/tfjs';
import type { Init, Weights } from '@tessera/core';
import { TIMESTEP_FEATURES } from './timestep-features.ts';

export interface DenoiserDims {
  readonly blocks: number;
  readonly width: number;
  /** C, channels of a token. */
  readonly channels: number;
  /** D, width of the hidden states. */
  readonly condition: number;
}

/** Weight [out, in] and bias [out]. */
export interface Affine {
  readonly weight: Tensor;
  readonly bias: Tensor;
}

export interface DenoiserParams {
  readonly time: readonly [Affine, Affine];
  readonly condition: Affine;
  readonly input: Affine;
  readonly blocks: readonly {
    readonly norm: Affine;
    /** Makes shift, scale and gate. */
    readonly modulation: Affine;
    readonly inner: Affine;
    readonly outer: Affine;
  }[];
  /** Its modulation makes shift and scale. */
  readonly final: { readonly modulation: Affine; readonly linear: Affine };
}

type Start = 'xavier' | 'narrow' | 'zeros';

/**
 * The denoiser's parameters under their official names. Modulations and the last layer start at zero, so that a fresh
 * denoiser predicts 0; nothing decays.
 */
export function denoiserParams({ blocks, width, channels, condition }: DenoiserDims, weights: Weights): DenoiserParams {
  const take = (name: string, shape: readonly number[], init: Init): Tensor =>
    weights.param(`diffloss.net.${name}`, shape, { init, decay: false });
  const affine = (name: string, [outputs, inputs]: readonly [number, number], start: Start = 'xavier'): Affine => ({
    weight: take(`${name}.weight`, [outputs, inputs], initOf(start, inputs + outputs)),
    bias: take(`${name}.bias`, [outputs], { kind: 'zeros' }),
  });
  const square = [width, width] as const;
  const block = (name: string): DenoiserParams['blocks'][number] => ({
    norm: {
      weight: take(`${name}.in_ln.weight`, [width], { kind: 'ones' }),
      bias: take(`${name}.in_ln.bias`, [width], { kind: 'zeros' }),
    },
    inner: affine(`${name}.mlp.0`, square),
    outer: affine(`${name}.mlp.2`, square),
    modulation: affine(`${name}.adaLN_modulation.1`, [3 * width, width], 'zeros'),
  });
  return {
    time: [
      affine('time_embed.mlp.0', [width, TIMESTEP_FEATURES], 'narrow'),
      affine('time_embed.mlp.2', square, 'narrow'),
    ],
    condition: affine('cond_embed', [width, condition]),
    input: affine('input_proj', [width, channels]),
    blocks: Array.from({ length: blocks }, (_, i) => block(`res_blocks.${i}`)),
    final: {
      linear: affine('final_layer.linear', [2 * channels, width], 'zeros'),
      modulation: affine('final_layer.adaLN_modulation.1', [2 * width, width], 'zeros'),
    },
  };
}

function initOf(start: Start, fans: number): Init {
  if (start === 'xavier') return { kind: 'uniform', bound: Math.sqrt(6 / fans) };
  return start === 'narrow' ? { kind: 'normal', std: 0.02 } : { kind: 'zeros' };
}
