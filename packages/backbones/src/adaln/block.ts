import * as tf from '@tensorflow/tfjs';
import type { Tensor, Tensor3D } from '@tensorflow/tfjs';
import { nn } from '@tessera/engine';
import { attend, type AttentionInput, type AttentionOutput } from './attention.ts';
import type { BlockParams } from './params.ts';

export const NORM_EPS = 1e-6;

export type Branch = 'attention' | 'feed-forward';

export interface BlockInput extends AttentionInput {
  /** Gates, scales and shifts, two of each in this order: [R, 6, D]. */
  readonly modulation_R6D: Tensor;
  /** Stochastic depth; null where nothing is dropped. */
  readonly drop: ((residual: Tensor3D, branch: Branch) => Tensor3D) | null;
}

/** One transformer block: attention and feed-forward, each modulated by the class (AdaLN) and gated. */
export function runBlock(params: BlockParams, input: BlockInput): AttentionOutput {
  const { x_RlD, modulation_R6D, drop } = input;
  const dropped = (residual: Tensor3D, branch: Branch): Tensor3D => drop?.(residual, branch) ?? residual;
  const [gate1, gate2, scale1, scale2, shift1, shift2] = tf.split(modulation_R6D, 6, 1);
  const normed_RlD = modulate(x_RlD, scale1!, shift1!);
  const { x_RlD: attended_RlD, added } = attend(params, { ...input, x_RlD: normed_RlD });
  const middle_RlD = tf.add(x_RlD, dropped(tf.mul(attended_RlD, gate1!), 'attention')) as Tensor3D;
  const fed_RlD = feedForward(params, modulate(middle_RlD, scale2!, shift2!));
  return { x_RlD: tf.add(middle_RlD, dropped(tf.mul(fed_RlD, gate2!), 'feed-forward')), added };
}

/** Adaptive layer normalisation: `scale` and `shift` are [R, 1, D]. */
export function modulate(x_RlD: Tensor3D, scale: Tensor, shift: Tensor): Tensor3D {
  return tf.add(tf.mul(nn.layerNorm(x_RlD, NORM_EPS), tf.add(scale, 1)), shift);
}

function feedForward({ fc1, fc2 }: BlockParams, x_RlD: Tensor3D): Tensor3D {
  const hidden = nn.gelu(nn.linear(x_RlD, fc1.weight_OI, fc1.bias_O), 'tanh');
  return nn.linear(hidden, fc2.weight_OI, fc2.bias_O);
}
