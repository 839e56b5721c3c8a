import * as tf from '@tensorflow/tfjs';
import type { Tensor, Tensor2D } from '@tensorflow/tfjs';
import type { Space } from '@tessera/core';

/** Brings tokens to the standard deviation of about 1 that noise is mixed for, and back. Traceable. */
export interface TokenScale {
  toUnit(values_NC: Tensor2D): Tensor2D;
  toTokens(unit_NC: Tensor2D): Tensor2D;
}

/**
 * The scale of a space: null for continuous tokens, which have it by contract. Discrete ones are measured by the standard
 * deviation of their codebook's numbers, each time that a program is traced or finds other numbers in the codebook.
 */
export function tokenScale(space: Space): TokenScale | null {
  if (space.kind === 'continuous') return null;
  const { codebook_VC } = space;
  return {
    toUnit: (values_NC) => tf.div(values_NC, deviation(codebook_VC)),
    toTokens: (unit_NC) => tf.mul(unit_NC, deviation(codebook_VC)),
  };
}

function deviation(x: Tensor): Tensor {
  return tf.sqrt(tf.mean(tf.square(tf.sub(x, tf.mean(x)))));
}
