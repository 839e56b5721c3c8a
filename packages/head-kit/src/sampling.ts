import * as tf from '@tensorflow/tfjs';
import type { Tensor, Tensor1D, Tensor3D } from '@tensorflow/tfjs';
import { nextTurn, type Row, type SampleContext } from '@tessera/core';
import { tensorFrom, type DrawKey } from '@tessera/engine';

/*
 * What heads do while they sample: random numbers keyed by token, classifier-free guidance (Ho & Salimans 2022, arXiv
 * 2207.12598), numbers read back from programs and given to the canvas, and points where a cancelled request stops.
 *
 * Guidance is u + w (c - u). Of 2B guided rows, rows 0..B-1 saw the condition (c) and rows B..2B-1 the null class (u).
 */

/**
 * The key of the random numbers of one token of a step: the image it belongs to, the step and its position. Tokens lie
 * image after image, equally many of each. A stream must be added; what is drawn with it depends on the image's own seed
 * alone, so that an image is the same alone and in a batch.
 * @param token index into `positions_Bl`
 */
export function tokenKey(
  token: number,
  positions_Bl: Int32Array,
  { rows, step }: Pick<SampleContext, 'rows' | 'step'>,
): Omit<DrawKey, 'stream'> {
  const perRow = positions_Bl.length / rows.length;
  return { row: Math.floor(token / perRow), step: step.index, position: positions_Bl[token]! };
}

/**
 * `count` standard normal numbers for every token of a step: [B l, count], row-major. One draw per token, so a head that
 * needs several (a denoising chain) asks for all of them at once.
 */
export function noisePerToken(
  positions_Bl: Int32Array,
  { stream, count }: { readonly stream: string; readonly count: number },
  context: Pick<SampleContext, 'rows' | 'step' | 'rng'>,
): Float32Array {
  const noise = new Float32Array(positions_Bl.length * count);
  for (const token of positions_Bl.keys()) {
    const key = { ...tokenKey(token, positions_Bl, context), stream };
    noise.set(context.rng.normal(key, count), token * count);
  }
  return noise;
}

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

/** The numbers of a float32 tensor, which is disposed, also when they cannot be read. */
export async function takeNumbers(tensor: Tensor): Promise<Float32Array> {
  try {
    return await tensor.data<'float32'>();
  } finally {
    tensor.dispose();
  }
}

/** Numbers of the tokens of a step, image after image, as a tensor [B, l, channels]. */
export function tokensFrom(values_BlC: Float32Array, rows: readonly Row[], channels: number): Tensor3D {
  return tensorFrom(values_BlC, [rows.length, values_BlC.length / rows.length / channels, channels]) as Tensor3D;
}

/**
 * A point of a long computation where a cancelled request stops. Runtimes may block the thread, so the signal can abort
 * only while the event loop runs: this lets it run once.
 * @throws the signal's reason
 */
export async function cancelPoint(signal: AbortSignal): Promise<void> {
  await nextTurn();
  signal.throwIfAborted();
}
