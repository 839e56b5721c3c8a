import * as tf from '@tensorflow/tfjs';
import type { Tensor1D, Tensor3D } from '@tensorflow/tfjs';

/*
 * Classifier-free guidance (Ho & Salimans 2022, arXiv 2207.12598): u + w (c - u). Of 2B guided rows, rows 0..B-1 saw the
 * condition (c) and rows B..2B-1 the null class (u).
 */

/** Mixes the halves in a program, w in [1]: [2B, l, X] -> [B, l, X]. Traceable. */
export function mixGuided(values_RlX: Tensor3D, weight_1: Tensor1D): Tensor3D {
  const [rows, tokens, width] = values_RlX.shape;
  const halves = tf.split(tf.reshape(values_RlX, [2, rows / 2, tokens, width]), 2, 0);
  const [conditional, unconditional] = halves.map((half) => tf.reshape(half, [rows / 2, tokens, width]));
  return tf.add(unconditional!, tf.mul(tf.sub(conditional!, unconditional!), weight_1)) as Tensor3D;
}

/** How the rows of a step are guided. */
export interface Mixture {
  /** Whether there are rows of the null class; without them numbers are taken as they are. */
  readonly guided: boolean;
  /** Guidance weight w. */
  readonly weight: number;
}

/**
 * The mixture of numbers that were read back, in double precision: number `i` of the first half with its counterpart in
 * the second.
 */
export function guidedNumber(values: Float32Array, { guided, weight }: Mixture): (i: number) => number {
  if (!guided) return (i) => values[i]!;
  const half = values.length / 2;
  return (i) => values[half + i]! + weight * (values[i]! - values[half + i]!);
}

/** Tokens for guided rows: the same ones for both halves. */
export function doubled(values: Float32Array): Float32Array {
  const twice = new Float32Array(2 * values.length);
  twice.set(values);
  twice.set(values, values.length);
  return twice;
}
