import type { Tensor } from '@tensorflow/tfjs';
import type { Init, Weights } from '@tessera/core';
import { schema, type OutputOf } from '@tessera/schema';
import { takeCross, type CrossParams } from '../cross-attention.ts';
import type { LinearParams } from '../linear.ts';
import { classesMisfit } from '../own-condition.ts';

const { object, integer, number, boolean, choice, optional, refine } = schema;
/** Far above any trained model, and small enough that a damaged file cannot exhaust the memory. */
const upTo = (max: number) => integer({ min: 1, max });

/** Configuration of a transformer that the class modulates (VAR, arXiv 2404.02905, section 3.3 and table 1). */
export const classModulatedConfig = refine(
  object({
    /** Left out: the model names a condition part. */
    classes: optional(upTo(2 ** 20), undefined),
    /** Every block attends to the sequence of the condition too: see cross-attention.ts. */
    attends: optional(boolean(), false),
    /** The map of the condition is added to the tokens: its vector at a position to what predicts the token there. */
    map: optional(boolean(), false),
    depth: upTo(512),
    /** D. */
    width: upTo(65536),
    heads: upTo(1024),
    /** Hidden width of the feed-forward layers as a multiple of `width`. */
    mlpRatio: optional(number({ min: 0.25, max: 64 }), 4),
    /** Queries and keys of unit length with a learned scale per head. Off: scores are scaled by 0.25 / sqrt(head size). */
    qkNorm: optional(boolean(), true),
    /** One modulation layer for all blocks, with an offset per block (VAR-d36). */
    sharedAdaLN: optional(boolean(), false),
    /** Stochastic depth of the last block; it grows linearly from 0 at the first. */
    dropPath: optional(number({ min: 0, max: 0.99 }), 0),
    /** Initial size of the modulation: of scales and shifts, and of the gates. */
    initModulation: optional(number({ min: 0 }), 0.5),
    initGate: optional(number({ min: 0 }), 1e-5),
    /** kv: keys and values of earlier tokens are kept; none: every step computes all tokens again, as a check. */
    cache: optional(choice('kv', 'none'), 'kv'),
  }),
  (config) => (config.width % config.heads === 0 ? classesMisfit(config) : 'a width that its heads divide'),
);

export type ClassModulatedConfig = OutputOf<typeof classModulatedConfig>;

/** Parameters of one block; D is the width. */
export interface BlockParams {
  /** [3D, D]: queries, keys, values. */
  readonly qkv_OI: Tensor;
  readonly qBias_D: Tensor;
  readonly vBias_D: Tensor;
  /** [1, heads, 1, 1], logarithms; null without query-key normalisation. */
  readonly scaleMul: Tensor | null;
  readonly proj: LinearParams;
  readonly fc1: LinearParams;
  readonly fc2: LinearParams;
  /** Null where the condition is no sequence. */
  readonly cross: CrossParams | null;
  /** A modulation layer of its own, [6D, D], or an offset [1, 1, 6, D] to the shared one. */
  readonly modulation: LinearParams | Tensor;
}

/** The blocks and what modulates them. */
export interface ClassModulatedParams {
  /** [6D, D]; null where every block has its own. */
  readonly sharedModulation: LinearParams | null;
  readonly blocks: readonly BlockParams[];
  /** [2D, D] */
  readonly headModulation: LinearParams;
}

/** Takes the blocks under the names, with the initialisation and decay of the official VAR. */
export function takeStack(config: ClassModulatedConfig, take: Taker): ClassModulatedParams {
  const { width: D, depth, sharedAdaLN, initModulation } = config;
  return {
    sharedModulation: sharedAdaLN ? take.linear('shared_ada_lin.1', [6 * D, D]) : null,
    blocks: Array.from({ length: depth }, (_, block) => takeBlock(`blocks.${block}`, config, take)),
    headModulation: take.linear('head_nm.ada_lin.1', [2 * D, D], initModulation),
  };
}

function takeBlock(name: string, config: ClassModulatedConfig, take: Taker): BlockParams {
  const { width: D, depth, heads, mlpRatio, qkNorm, attends } = config;
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
    cross: attends ? takeCross(take.weights, `${name}.cross`, { width: D, from: D }) : null,
    modulation: takeModulation(name, config, take),
  };
}

/** Gates are the first two of six parts, then scales and shifts. */
function takeModulation(name: string, config: ClassModulatedConfig, take: Taker): LinearParams | Tensor {
  const { width: D, sharedAdaLN, initGate, initModulation } = config;
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
    weights,
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
