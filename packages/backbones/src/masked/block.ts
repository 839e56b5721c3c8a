import * as tf from '@tensorflow/tfjs';
import type { Tensor, Tensor2D, Tensor3D, Tensor4D } from '@tensorflow/tfjs';
import { nn } from '@tessera/engine';
import type { LinearParams } from '../linear-params.ts';
import type { Dropout } from './dropout.ts';
import type { BlockParams, NormParams } from './params.ts';
import { rowsAt } from '../rows.ts';

const NORM_EPS = 1e-6;

export interface BlockInput {
  readonly x_RtD: Tensor3D;
  readonly heads: number;
  /** Added to the scores: [1, 1, 1, t]; null where every token sees all. */
  readonly bias: Tensor | null;
  /** The only tokens whose result is wanted, [R, l]; null for all. */
  readonly at_Rl: Tensor2D | null;
  readonly drop: Dropout | null;
}

/** One pre-norm transformer block (Dosovitskiy et al. 2021): attention and feed-forward, each added to its input. */
export function runBlock(params: BlockParams, input: BlockInput): Tensor3D {
  const { x_RtD, at_Rl, drop } = input;
  const kept_RlD = at_Rl ? rowsAt(x_RtD, at_Rl) : x_RtD;
  const middle_RlD = tf.add(kept_RlD, attend(params, input)) as Tensor3D;
  const active = nn.gelu(apply(params.fc1, norm(middle_RlD, params.norm2)), 'erf');
  const fed_RlD = apply(params.fc2, drop?.(active, 'activation') ?? active);
  return tf.add(middle_RlD, drop?.(fed_RlD, 'feed-forward') ?? fed_RlD);
}

export function norm(x: Tensor3D, { weight_D, bias_D }: NormParams): Tensor3D {
  return nn.layerNorm(x, NORM_EPS, weight_D, bias_D);
}

export function apply(layer: LinearParams, x: Tensor3D): Tensor3D {
  return nn.linear(x, layer.weight_OI, layer.bias_O);
}

function attend(params: BlockParams, { x_RtD, heads, bias, at_Rl, drop }: BlockInput): Tensor3D {
  const normed_RtD = norm(x_RtD, params.norm1);
  const asked_RlD = at_Rl ? rowsAt(normed_RtD, at_Rl) : normed_RtD;
  const [q, k, v] = queriesKeysValues(params.qkv, normed_RtD, asked_RlD).map((x) => headsFirst(x, heads));
  const attended_RNlH = mix({ q: q!, k: k!, v: v! }, bias, drop);
  const joined_RlD = tf.reshape(tf.transpose(attended_RNlH, [0, 2, 1, 3]), asked_RlD.shape) as Tensor3D;
  const projected_RlD = apply(params.proj, joined_RlD);
  return drop?.(projected_RlD, 'projection') ?? projected_RlD;
}

/** Queries of some tokens, keys and values of all. */
function queriesKeysValues(layer: LinearParams, all_RtD: Tensor3D, asked_RlD: Tensor3D): Tensor3D[] {
  if (all_RtD === asked_RlD) return tf.split(apply(layer, all_RtD), 3, 2);
  const D = all_RtD.shape[2];
  const [queries, keysValues] = [0, 1].map((part) => ({
    weight_OI: tf.slice(layer.weight_OI, [part * D, 0], [(part + 1) * D, D]),
    bias_O: tf.slice(layer.bias_O, [part * D], [(part + 1) * D]),
  }));
  return [apply(queries!, asked_RlD), ...(tf.split(apply(keysValues!, all_RtD), 2, 2) as Tensor3D[])];
}

function headsFirst(x_RtD: Tensor3D, heads: number): Tensor4D {
  const [R, t, D] = x_RtD.shape;
  return tf.transpose(tf.reshape(x_RtD, [R, t, heads, D / heads]), [0, 2, 1, 3]);
}

interface Heads {
  readonly q: Tensor4D;
  readonly k: Tensor4D;
  readonly v: Tensor4D;
}

/** Dropout falls on the attention weights, which the fused attention never shows. */
function mix({ q, k, v }: Heads, bias: Tensor | null, drop: Dropout | null): Tensor4D {
  const scale = 1 / Math.sqrt(q.shape[3]);
  if (!drop) return nn.attention(q, k, v, scale, bias);
  const scores = tf.matMul(tf.mul(q, scale), k, false, true);
  return tf.matMul(drop(tf.softmax(bias ? tf.add(scores, bias) : scores), 'attention'), v);
}
