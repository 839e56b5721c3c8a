import type { Tensor } from '@tensorflow/tfjs';
import type { Weights } from '@tessera/core';

/** Parameters of a convolution, in PyTorch's layout. */
export interface ConvParams {
  readonly weight_OIHW: Tensor;
  readonly bias_O: Tensor;
}

export interface ConvShape {
  readonly inputs: number;
  readonly outputs: number;
  readonly kernel: number;
}

/** A convolution under its official name; starts as PyTorch's does (uniform within 1 / sqrt(fan-in)). */
export function convParams(weights: Weights, name: string, { inputs, outputs, kernel }: ConvShape): ConvParams {
  const init = { kind: 'uniform', bound: 1 / Math.sqrt(inputs * kernel * kernel) } as const;
  return {
    weight_OIHW: weights.param(`${name}.weight`, [outputs, inputs, kernel, kernel], { init, decay: true }),
    bias_O: weights.param(`${name}.bias`, [outputs], { init, decay: false }),
  };
}

/** Scale and shift of a normalisation. */
export interface NormParams {
  readonly weight_C: Tensor;
  readonly bias_C: Tensor;
}

export function normParams(weights: Weights, name: string, channels: number): NormParams {
  return {
    weight_C: weights.param(`${name}.weight`, [channels], { init: { kind: 'ones' }, decay: false }),
    bias_C: weights.param(`${name}.bias`, [channels], { init: { kind: 'zeros' }, decay: false }),
  };
}
