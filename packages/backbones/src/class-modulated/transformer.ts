import * as tf from '@tensorflow/tfjs';
import type { Tensor, Tensor3D, Tensor4D } from '@tensorflow/tfjs';
import type { Embedded, TrainContext } from '@tessera/core';
import { nn } from '@tessera/engine';
import { crossAttend, hideFilling, seeSequence, type SeenSequence } from '../cross-attention.ts';
import { linear, type LinearParams } from '../linear.ts';
import { attend, type AttentionInput, type AttentionOutput, type KeysValues, type Span } from './attention.ts';
import type { BlockParams, ClassModulatedConfig, ClassModulatedParams } from './params.ts';

/*
 * The transformer of VAR (arXiv 2404.02905, section 3.3): a decoder in the style of GPT-2 whose layer normalisations are
 * modulated by the class (AdaLN). Pure and traceable: sampling and training both run through `forward`.
 *
 * Its block-causal attention: in training all scales are there at once, and each attends to the tokens up to its end
 * (`spansOf` in attention.ts; small scales share a mask). While sampling there is no mask,
 * because later scales do not exist yet: see cache.ts. The causal transformer (../causal) uses the same blocks.
 */

const NORM_EPS = 1e-6;

/** Everything that depends on the condition alone, once for all steps. */
export type Modulated = {
  /** Per block, [R, 6, D]. */
  readonly blocks: readonly Tensor[];
  /** Scale and shift before the head, [R, 2, D]. */
  readonly head_R2D: Tensor;
  /** The sequence of the condition, where the blocks attend to one. */
  readonly sequence?: {
    /** Per block. */
    readonly seen: readonly SeenSequence[];
    readonly bias_R11S: Tensor4D;
  };
};

/** All that the blocks take from a condition: modulations by its vector, and its sequence where they attend to one. */
export function modulationsOf(
  params: ClassModulatedParams,
  { vector_RD, sequence }: Embedded,
  heads: number,
): Modulated {
  const D = vector_RD!.shape[1];
  const active_RD = nn.silu(vector_RD!);
  const parts = (layer: LinearParams, count: number): Tensor => tf.reshape(linear(active_RD, layer), [-1, count, D]);
  const shared_R6D = params.sharedModulation && parts(params.sharedModulation, 6);
  const blocks = params.blocks.map(({ modulation }) =>
    'weight_OI' in modulation ? parts(modulation, 6) : tf.add(shared_R6D!, tf.reshape(modulation, [1, 6, D])),
  );
  return {
    blocks,
    head_R2D: parts(params.headModulation, 2),
    ...(sequence && {
      sequence: {
        seen: params.blocks.map(({ cross }) => seeSequence(cross!, sequence.values_RSD, heads)),
        bias_R11S: hideFilling(sequence),
      },
    }),
  };
}

interface ForwardInput {
  /** Embedded tokens. */
  readonly x_RlD: Tensor3D;
  readonly modulations: Modulated;
  readonly heads: number;
  /** Per block: keys and values of earlier tokens; null without a cache. */
  readonly past: readonly KeysValues[] | null;
  readonly bias: Tensor | null;
  readonly spans?: readonly Span[];
  readonly drop?: (residual: Tensor3D, place: { readonly block: number; readonly branch: Branch }) => Tensor3D;
}

interface ForwardOutput {
  /** Normalised and modulated for the head. */
  readonly hidden_RlD: Tensor3D;
  /** Per block, of the new tokens. */
  readonly added: readonly KeysValues[];
}

/** All blocks and the normalisation before the head. */
export function forward(params: ClassModulatedParams, input: ForwardInput): ForwardOutput {
  const { modulations, heads, past, bias, spans, drop } = input;
  const { sequence } = modulations;
  let x_RlD = input.x_RlD;
  const added = params.blocks.map((block, index) => {
    const output = runBlock(block, {
      x_RlD,
      heads,
      bias,
      spans,
      past: past?.[index] ?? null,
      modulation_R6D: modulations.blocks[index]!,
      sequence: sequence ? { seen: sequence.seen[index]!, bias_R11S: sequence.bias_R11S } : null,
      drop: drop ? (residual, branch) => drop(residual, { block: index, branch }) : null,
    });
    x_RlD = output.x_RlD;
    return output.added;
  });
  const [scale, shift] = tf.split(modulations.head_R2D, 2, 1);
  return { hidden_RlD: modulate(x_RlD, scale!, shift!), added };
}

type Branch = 'attention' | 'feed-forward';

export interface BlockInput extends AttentionInput {
  /** Gates, scales and shifts, two of each in this order: [R, 6, D]. */
  readonly modulation_R6D: Tensor;
  /** What the tokens attend to besides each other; null for nothing. */
  readonly sequence: { readonly seen: SeenSequence; readonly bias_R11S: Tensor4D } | null;
  /** Stochastic depth; null where nothing is dropped. */
  readonly drop: ((residual: Tensor3D, branch: Branch) => Tensor3D) | null;
}

/**
 * One block: x + gate1 attention(AdaLN1(x)), then x + gate2 feed-forward(AdaLN2(x)); gates, scales and shifts come from
 * the vector of the condition (the adaLN-Zero block of DiT, arXiv 2212.09748, section 3.2).
 */
export function runBlock(params: BlockParams, input: BlockInput): AttentionOutput {
  const { x_RlD, modulation_R6D, drop } = input;
  const dropped = (residual: Tensor3D, branch: Branch): Tensor3D => drop?.(residual, branch) ?? residual;
  const [gate1, gate2, scale1, scale2, shift1, shift2] = tf.split(modulation_R6D, 6, 1);
  const normed_RlD = modulate(x_RlD, scale1!, shift1!);
  const { x_RlD: attended_RlD, added } = attend(params, { ...input, x_RlD: normed_RlD });
  const own_RlD = tf.add(x_RlD, dropped(tf.mul(attended_RlD, gate1!), 'attention')) as Tensor3D;
  const { sequence } = input;
  const middle_RlD = sequence
    ? (tf.add(own_RlD, crossAttend(params.cross!, { x_RlD: own_RlD, ...sequence })) as Tensor3D)
    : own_RlD;
  const fed_RlD = feedForward(params, modulate(middle_RlD, scale2!, shift2!));
  return { x_RlD: tf.add(middle_RlD, dropped(tf.mul(fed_RlD, gate2!), 'feed-forward')), added };
}

/**
 * Adaptive layer normalisation, LN(x) (1 + scale) + shift; `scale` and `shift` are [R, 1, D]. That of MAR's denoiser:
 * `modulations` in head-kit's adaln-mlp.ts.
 */
export function modulate(x_RlD: Tensor3D, scale: Tensor, shift: Tensor): Tensor3D {
  return tf.add(tf.mul(nn.layerNorm(x_RlD, NORM_EPS), tf.add(scale, 1)), shift);
}

function feedForward({ fc1, fc2 }: BlockParams, x_RlD: Tensor3D): Tensor3D {
  return linear(nn.gelu(linear(x_RlD, fc1), 'tanh'), fc2);
}

/**
 * Stochastic depth per image (Huang et al. 2016, arXiv 1603.09382): a residual is kept where the uniform number of stream
 * `drop-path.BLOCK.BRANCH` lies below the chance of keeping it, and then divided by that chance.
 */
export function dropPath(config: ClassModulatedConfig, { rng, train }: TrainContext): Pick<ForwardInput, 'drop'> {
  if (!train || config.dropPath === 0) return {};
  const rates = dropPathRates(config);
  return {
    drop: (residual_BlD, { block, branch }) => {
      const keep = 1 - rates[block]!;
      if (keep === 1) return residual_BlD;
      const uniform_B11 = rng.uniform(`drop-path.${block}.${branch}`, [residual_BlD.shape[0], 1, 1]);
      const kept_B11 = tf.cast(tf.less(uniform_B11, keep), 'float32');
      return tf.mul(residual_BlD, tf.div(kept_B11, keep)) as Tensor3D;
    },
  };
}

/** Stochastic depth of every block: linear from 0 to `dropPath`. */
export function dropPathRates({ depth, dropPath }: Pick<ClassModulatedConfig, 'depth' | 'dropPath'>): number[] {
  return Array.from({ length: depth }, (_, block) => (depth === 1 ? 0 : (dropPath * block) / (depth - 1)));
}
