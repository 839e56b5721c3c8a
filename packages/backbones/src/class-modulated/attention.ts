import * as tf from '@tensorflow/tfjs';
import type { Tensor, Tensor3D, Tensor4D } from '@tensorflow/tfjs';
import { nn } from '@tessera/engine';
import { headsFirst, HIDDEN } from '../attention.ts';
import { linear } from '../linear.ts';
import type { BlockParams } from './params.ts';

/** Logarithm of the largest scale of normalised queries, as in the official code. */
const MAX_LOG_SCALE = Math.log(100);

/** Keys and values, tokens first, so that a cache grows at its end: [tokens, R, heads, head size]. */
export type KeysValues = {
  readonly k_PRNH: Tensor4D;
  readonly v_PRNH: Tensor4D;
};

export interface AttentionInput {
  readonly x_RlD: Tensor3D;
  readonly heads: number;
  /** Keys and values of earlier tokens, which all new ones see. */
  readonly past: KeysValues | null;
  /** Added to the scores: [1, 1, l, l]; null where every token sees all. */
  readonly bias: Tensor | null;
}

export interface AttentionOutput {
  readonly x_RlD: Tensor3D;
  /** Of the new tokens alone; keys are normalised already. */
  readonly added: KeysValues;
}

/**
 * Multi-head attention of new tokens to those before them and to each other. Queries and keys are normalised to unit
 * length (VAR, arXiv 2404.02905, section 3.3), queries then scaled by a learned factor per head.
 */
export function attend(params: BlockParams, { x_RlD, heads, past, bias }: AttentionInput): AttentionOutput {
  const [R, l, D] = x_RlD.shape;
  const { qBias_D, vBias_D, scaleMul } = params;
  // Keys have no bias: it would add the same number to all scores of a query, which softmax ignores.
  const qkv = nn.linear(x_RlD, params.qkv_OI, tf.concat([qBias_D, tf.zeros([D]), vBias_D]));
  const [q_RlNH, k_RlNH, v_RlNH] = tf.split(tf.reshape(qkv, [R, l, 3 * heads, D / heads]), 3, 2);
  const q_RNlH = headsFirst(q_RlNH!);
  const added = {
    k_PRNH: tokensFirst(scaleMul ? nn.normalize(k_RlNH!, 1e-12) : k_RlNH!),
    v_PRNH: tokensFirst(v_RlNH!),
  };
  const k_RNTH = tf.transpose(past ? tf.concat([past.k_PRNH, added.k_PRNH], 0) : added.k_PRNH, [1, 2, 0, 3]);
  const v_RNTH = tf.transpose(past ? tf.concat([past.v_PRNH, added.v_PRNH], 0) : added.v_PRNH, [1, 2, 0, 3]);
  const attended = scaleMul
    ? nn.attention(scaleQueries(q_RNlH, scaleMul), k_RNTH, v_RNTH, 1, bias)
    : nn.attention(q_RNlH, k_RNTH, v_RNTH, 0.25 / Math.sqrt(D / heads), bias);
  const joined_RlD = tf.reshape(tf.transpose(attended, [0, 2, 1, 3]), [R, l, D]) as Tensor3D;
  return { x_RlD: linear(joined_RlD, params.proj), added };
}

function scaleQueries(q_RNlH: Tensor4D, scaleMul: Tensor): Tensor4D {
  return tf.mul(nn.normalize(q_RNlH, 1e-12), tf.exp(tf.minimum(scaleMul, MAX_LOG_SCALE)));
}

function tokensFirst(x_RlNH: Tensor): Tensor4D {
  return tf.transpose(x_RlNH, [1, 0, 2, 3]) as Tensor4D;
}

/**
 * Added to the scores, [l, l]: a token sees those of its own group and of lower ones. Groups are scales for block-causal
 * attention (VAR, figure 4), single tokens for causal attention.
 */
export function maskValues(group_l: ArrayLike<number>): Float32Array {
  const { length } = group_l;
  const mask = new Float32Array(length * length);
  for (let query = 0; query < length; query++) {
    for (let key = 0; key < length; key++) if (group_l[key]! > group_l[query]!) mask[query * length + key] = HIDDEN;
  }
  return mask;
}

/** The same as a tensor [1, 1, l, l]. */
export function maskOf(group_l: ArrayLike<number>): Tensor4D {
  return tf.tensor4d(maskValues(group_l), [1, 1, group_l.length, group_l.length]);
}
