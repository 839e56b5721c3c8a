import * as tf from '@tensorflow/tfjs';
import type { Tensor, Tensor3D, Tensor4D } from '@tensorflow/tfjs';
import type { Embedded, Weights } from '@tessera/core';
import { nn } from '@tessera/engine';
import { headsFirst, HIDDEN } from './attention.ts';
import { linear, type LinearParams } from './linear.ts';

/*
 * Attention of an image's tokens to the sequence of its condition, such as the words of a text (Vaswani et al. 2017, section
 * 3.2.3). In every block it stands between attention and feed-forward. Pure and traceable.
 */

const NORM_EPS = 1e-6;

export interface CrossParams {
  /** [D, D] */
  readonly query: LinearParams;
  /** [2D, W]: keys and values, from vectors of the condition's width W. */
  readonly keysValues: LinearParams;
  /** [D, D] */
  readonly proj: LinearParams;
}

/** Takes the parameters of one block: they start normal with a standard deviation of 0.02, biases at zero. */
export function takeCross(
  weights: Weights,
  name: string,
  { width: D, from: W }: { readonly width: number; readonly from: number },
): CrossParams {
  const take = (part: string, outputs: number, inputs: number): LinearParams => ({
    weight_OI: weights.param(`${name}.${part}.weight`, [outputs, inputs], {
      init: { kind: 'normal', std: 0.02 },
      decay: true,
    }),
    bias_O: weights.param(`${name}.${part}.bias`, [outputs], { init: { kind: 'zeros' }, decay: false }),
  });
  return { query: take('query', D, D), keysValues: take('keys_values', 2 * D, W), proj: take('proj', D, D) };
}

/** Keys and values of a sequence for one block. */
export type SeenSequence = {
  readonly k_RNSH: Tensor4D;
  readonly v_RNSH: Tensor4D;
};

/** A sequence as one block sees it: the same at all steps of a generation. */
export function seeSequence({ keysValues }: CrossParams, values_RSD: Tensor3D, heads: number): SeenSequence {
  const [R, S] = values_RSD.shape;
  const [k_RSD, v_RSD] = tf.split(linear(values_RSD, keysValues), 2, 2);
  const split = (x: Tensor): Tensor4D => headsFirst(tf.reshape(x, [R, S, heads, x.shape[2]! / heads]));
  return { k_RNSH: split(k_RSD!), v_RNSH: split(v_RSD!) };
}

/** Added to the scores, [R, 1, 1, S]: entries that only fill up are hidden. */
export function hideFilling({ counts_RS }: NonNullable<Embedded['sequence']>): Tensor4D {
  const [R, S] = counts_RS.shape;
  return tf.reshape(tf.mul(tf.sub(1, counts_RS), HIDDEN), [R, 1, 1, S]);
}

interface CrossInput {
  readonly x_RlD: Tensor3D;
  readonly seen: SeenSequence;
  readonly bias_R11S: Tensor4D;
}

/** What the tokens take from the sequence, to be added to them: [R, l, D]. */
export function crossAttend(params: CrossParams, { x_RlD, seen, bias_R11S }: CrossInput): Tensor3D {
  const [R, l, D] = x_RlD.shape;
  const [, heads, , size] = seen.k_RNSH.shape;
  const asked_RlD = linear(nn.layerNorm(x_RlD, NORM_EPS), params.query);
  const q_RNlH = headsFirst(tf.reshape(asked_RlD, [R, l, heads, size]));
  const attended_RNlH = nn.attention(q_RNlH, seen.k_RNSH, seen.v_RNSH, 1 / Math.sqrt(size), bias_R11S);
  return linear(tf.reshape(tf.transpose(attended_RNlH, [0, 2, 1, 3]), [R, l, D]) as Tensor3D, params.proj);
}
