import * as tf from '@tensorflow/tfjs';
import type { Tensor, Tensor3D, Tensor4D } from '@tensorflow/tfjs';
import { nn } from '@tessera/engine';
import type { BlockParams } from './params.ts';

/** Logarithm of the largest scale of normalised queries. */
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

/** Multi-head attention of new tokens to those before them and to each other. */
export function attend(params: BlockParams, { x_RlD, heads, past, bias }: AttentionInput): AttentionOutput {
  const [R, l, D] = x_RlD.shape;
  const { qBias_D, vBias_D, scaleMul } = params;
  // The bias of keys is zero by design: softmax would not feel it.
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
  return { x_RlD: nn.linear(joined_RlD, params.proj.weight_OI, params.proj.bias_O), added };
}

function scaleQueries(q_RNlH: Tensor4D, scaleMul: Tensor): Tensor4D {
  return tf.mul(nn.normalize(q_RNlH, 1e-12), tf.exp(tf.minimum(scaleMul, MAX_LOG_SCALE)));
}

function headsFirst(x_RlNH: Tensor): Tensor4D {
  return tf.transpose(x_RlNH, [0, 2, 1, 3]) as Tensor4D;
}

function tokensFirst(x_RlNH: Tensor): Tensor4D {
  return tf.transpose(x_RlNH, [1, 0, 2, 3]) as Tensor4D;
}
