import * as tf from '@tensorflow/tfjs';
import type { Tensor, Tensor2D, Tensor3D } from '@tensorflow/tfjs';
import type { BackbonePlugin, HeadPlugin } from './plugin.ts';
import type { Space, SpaceShape } from './tokens.ts';

/*
 * Tokens of factors (contract 2): bits, levels of a finite scalar quantization, products of codebooks, residual stacks. Each
 * factor is an entry of a small table of its own, so there are as many different tokens as the product of their sizes,
 * and no table of all of them. F is the number of factors. A token's values are its factors' entries, one after another:
 * they say everything, and a token of factors has no index.
 */

/** The space of a built tokenizer whose tokens have factors. */
export type FactorSpace = Extract<Space, { kind: 'factors' }>;

/**
 * The entry of each factor, from 0: int32 [B, l, F] of values [B, l, C]. Of values that are no entries it is the nearest.
 * Traceable; call it in a `tidy` elsewhere.
 */
export function levelsOf(values_BlC: Tensor3D, { factors, codebooks }: FactorSpace): Tensor3D {
  const widths = factors.map(({ channels }) => channels);
  const parts: Tensor[] = widths.length === 1 ? [values_BlC] : tf.split(values_BlC, widths, 2);
  const levels = parts.map((part, f) => nearest(part, codebooks[f]!));
  return tf.stack(levels, 2) as Tensor3D;
}

/** [B, l, c] and a table [V, c] -> int32 [B, l], by the squared distance. */
function nearest(values_Blc: Tensor, table_Vc: Tensor2D): Tensor {
  const [V, c] = table_Vc.shape;
  const apart = tf.sub(tf.expandDims(values_Blc, 2), tf.reshape(table_Vc, [1, 1, V, c]));
  return tf.argMin(tf.sum(tf.square(apart), 3), 2);
}

/** `count` numbers of equal distance whose mean is 0 and whose deviation is 1: bits are -1 and 1. */
export function evenLevels(count: number): Float32Array {
  const raw = Float32Array.from({ length: count }, (_, level) => 2 * level - (count - 1));
  const deviation = Math.sqrt(raw.reduce((sum, one) => sum + one * one, 0) / count);
  return raw.map((one) => one / (deviation || 1));
}

/**
 * The tokens as a head or a backbone meets them. Backbones of contract 1, and heads that predict values, know nothing of
 * factors: to them these tokens are continuous, of the same values.
 */
export function spaceFor<S extends SpaceShape>(
  part: Pick<HeadPlugin, 'space'> | Pick<BackbonePlugin, 'contract'>,
  space: S,
): S | Extract<SpaceShape, { kind: 'continuous' }> {
  if (space.kind !== 'factors') return space;
  const knows = 'space' in part ? part.space === 'factors' : part.contract > 1;
  return knows ? space : { kind: 'continuous', channels: space.channels };
}
