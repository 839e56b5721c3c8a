import * as tf from '@tensorflow/tfjs';
import type { Tensor3D, Tensor4D } from '@tensorflow/tfjs';
import type { Layout } from '@tessera/core';

/** Size of one scale's token map. */
export interface Size {
  readonly height: number;
  readonly width: number;
}

/** Square scales of these sides, one after the other, each row-major. */
export function scaleLayout(sides: readonly number[]): Layout {
  let length = 0;
  const scales = sides.map((side) => {
    const start = length;
    length += side * side;
    return { start, height: side, width: side };
  });
  return { length, scales };
}

/** A scale's tokens as a map: [B, l, C] -> [B, h, w, C]. */
export function asMap(tokens_BlC: Tensor3D, { height, width }: Size): Tensor4D {
  const [batch, , channels] = tokens_BlC.shape;
  return tf.reshape(tokens_BlC, [batch, height, width, channels]);
}

/** A map as tokens: [B, h, w, C] -> [B, h w, C]. */
export function asTokens(map_BhwC: Tensor4D): Tensor3D {
  const [batch, height, width, channels] = map_BhwC.shape;
  return tf.reshape(map_BhwC, [batch, height * width, channels]);
}

/** Tokens of all scales, [B, L, C], as one [B, l, C] per scale. */
export function splitScales(sizes: readonly Size[], tokens_BLC: Tensor3D): Tensor3D[] {
  const lengths = sizes.map(({ height, width }) => height * width);
  return lengths.length === 1 ? [tokens_BLC] : tf.split(tokens_BLC, lengths, 1);
}
