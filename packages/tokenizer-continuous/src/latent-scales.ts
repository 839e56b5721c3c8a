import * as tf from '@tensorflow/tfjs';
import type { Tensor3D, Tensor4D } from '@tensorflow/tfjs';
import { asTokens, enlarged, remainder, type Pyramid, type Size } from '@tessera/autoencoder';
import type { KlScalesConfig } from './scales-config.ts';

/*
 * A map of plain numbers as a sum of scales: VAR's pyramid (arXiv 2404.02905, algorithm 1) without a codebook. The last
 * scale is what is left, so that nothing is lost. Pure and traceable functions.
 */

/** Square scales of these sides. */
function squares(patch_nums: readonly number[]): readonly Size[] {
  return patch_nums.map((side) => ({ height: side, width: side }));
}

/** The part of each square scale, coarse to fine: [B, H, W, C] -> one [B, l, C] per scale. */
export function takeApart(map_BHWC: Tensor4D, patch_nums: readonly number[]): Tensor3D[] {
  const sizes = squares(patch_nums);
  let rest_BHWC = map_BHWC;
  return sizes.map((_, scale) => {
    const part_BlC = asTokens(remainder(rest_BHWC, { scale, sizes }));
    if (scale < sizes.length - 1) rest_BHWC = tf.sub(rest_BHWC, enlarged(part_BlC, { scale, sizes }));
    return part_BlC;
  });
}

/** Scaled latents [B, H, W, C] as tokens of all scales [B, L, C]: each scale's part over its standard deviation. */
export function toScaleTokens(map_BHWC: Tensor4D, { patch_nums, scaleStd }: KlScalesConfig): Tensor3D {
  const tokens = takeApart(map_BHWC, patch_nums).map((part, scale) => tf.div<Tensor3D>(part, scaleStd[scale]!));
  return tokens.length === 1 ? tokens[0]! : tf.concat(tokens, 1);
}

/** The other way: what the tokens of a scale add to scaled latents. */
export function latentPyramid({ patch_nums, scaleStd }: KlScalesConfig): Pyramid {
  const sizes = squares(patch_nums);
  return {
    sizes,
    contribution: (tokens_BlC, scale) => enlarged(tf.mul(tokens_BlC, scaleStd[scale]!), { scale, sizes }),
  };
}
