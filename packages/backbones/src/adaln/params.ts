import type { Tensor } from '@tensorflow/tfjs';
import type { Init, Weights } from '@tessera/core';
import type { LinearParams } from '../linear-params.ts';
import type { AdaLNConfig } from './config.ts';

export interface BlockParams {
  readonly qkv_OI: Tensor;
  readonly qBias_D: Tensor;
  readonly vBias_D: Tensor;
  /** [1, heads, 1, 1], logarithms; null without query-key normalisation. */
  readonly scaleMul: Tensor | null;
  readonly proj: LinearParams;
  readonly fc1: LinearParams;
  readonly fc2: LinearParams;
  /** A modulation layer of its own, or an offset [1, 1, 6, D] to the shared one. */
  readonly modulation: LinearParams | Tensor;
}

/** The blocks and what modulates them. */
export interface StackParams {
  readonly sharedModulation: LinearParams | null;
  readonly blocks: readonly BlockParams[];
  readonly headModulation: LinearParams;
}

export interface AdaLNParams extends StackParams {
  /** [classes + 1, D]; the last row is the null class. */
  readonly classEmbed: Tensor;
}

/** Under the names, with the initialisation and decay of the official VAR. */
export function takeStack(config: AdaLNConfig, take: Taker): StackParams {
  const { width: D, depth, sharedAdaLN, initModulation } = config;
  return {
    sharedModulation: sharedAdaLN ? take.linear('shared_ada_lin.1', [6 * D, D]) : null,
    blocks: Array.from({ length: depth }, (_, block) => takeBlock(`blocks.${block}`, config, take)),
    headModulation: take.linear('head_nm.ada_lin.1', [2 * D, D], initModulation),
  };
}

function takeBlock(name: string, config: AdaLNConfig, take: Taker): BlockParams {
  const { width: D, depth, heads, mlpRatio, qkNorm } = config;
  const hidden = Math.round(D * mlpRatio);
  const residual = 1 / Math.sqrt(2 * depth);
  return {
    qkv_OI: take.weight(`${name}.attn.mat_qkv.weight`, [3 * D, D]),
    qBias_D: take.zeros(`${name}.attn.q_bias`, D),
    vBias_D: take.zeros(`${name}.attn.v_bias`, D),
    scaleMul: qkNorm ? take.constant(`${name}.attn.scale_mul_1H11`, [1, heads, 1, 1], Math.log(4)) : null,
    proj: take.linear(`${name}.attn.proj`, [D, D], residual),
    fc1: take.linear(`${name}.ffn.fc1`, [hidden, D]),
    fc2: take.linear(`${name}.ffn.fc2`, [D, hidden], residual),
    modulation: takeModulation(name, config, take),
  };
}

/** Gates are the first two of six parts, then scales and shifts. */
function takeModulation(
  name: string,
  { width: D, sharedAdaLN, initGate, initModulation }: AdaLNConfig,
  take: Taker,
): LinearParams | Tensor {
  const split = (rows: number, std: number): Init => ({
    kind: 'rows',
    parts: [
      { rows: 2 * rows, init: { kind: 'normal', std: std * initGate } },
      { rows: 4 * rows, init: { kind: 'normal', std: std * initModulation } },
    ],
  });
  if (sharedAdaLN) return take.offset(`${name}.ada_gss`, [1, 1, 6, D], split(1, 1 / Math.sqrt(D)));
  return {
    weight_OI: take.weight(`${name}.ada_lin.1.weight`, [6 * D, D], split(D, take.std)),
    bias_O: take.zeros(`${name}.ada_lin.1.bias`, 6 * D),
  };
}

export type Taker = ReturnType<typeof takerOf>;

/** Everything starts normal with a standard deviation of sqrt(1 / (3 D)), biases at zero; only matrices decay. */
export function takerOf(weights: Weights, D: number) {
  const std = Math.sqrt(1 / (3 * D));
  const normal = (factor: number): Init => ({ kind: 'normal', std: std * factor });
  const zeros = (name: string, size: number): Tensor =>
    weights.param(name, [size], { init: { kind: 'zeros' }, decay: false });
  const weight = (name: string, shape: readonly [number, number], init = normal(1)): Tensor =>
    weights.param(name, shape, { init, decay: true });
  return {
    std,
    zeros,
    weight,
    linear: (name: string, shape: readonly [number, number], factor = 1): LinearParams => ({
      weight_OI: weight(`${name}.weight`, shape, normal(factor)),
      bias_O: zeros(`${name}.bias`, shape[0]),
    }),
    table: (name: string, shape: readonly number[], decay: boolean): Tensor =>
      weights.param(name, shape, { init: normal(1), decay }),
    constant: (name: string, shape: readonly number[], value: number): Tensor =>
      weights.param(name, shape, { init: { kind: 'constant', value }, decay: false }),
    offset: (name: string, shape: readonly number[], init: Init): Tensor =>
      weights.param(name, shape, { init, decay: false }),
  };
}
