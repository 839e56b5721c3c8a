import * as tf from '@tensorflow/tfjs';
import type { Tensor3D, Tensor4D } from '@tensorflow/tfjs';
import type { Reads } from '@tessera/core';
import { nn } from '@tessera/engine';
import { TesseraError } from '@tessera/errors';
import { asMap, asTokens, splitScales, type Size } from './scale-map.ts';

/*
 * A map as a sum of scales, each what the coarser ones left over (VAR, arXiv 2404.02905, algorithms 1 and 2): of codes,
 * or of plain numbers. Pure and traceable functions.
 */

export interface Pyramid {
  /** Coarse to fine; the last is the size of the map. */
  readonly sizes: readonly Size[];
  /** What the tokens of one scale add to the running map: [B, l, C] -> [B, H, W, C]. */
  contribution(tokens_BlC: Tensor3D, scale: number): Tensor4D;
}

/** Which scale of how many. */
export interface ScaleOf {
  readonly scale: number;
  readonly sizes: readonly Size[];
}

/** What a scale has to explain: the rest at that scale's size, by averaging; the last scale sees it as it is. */
export function remainder(rest_BHWC: Tensor4D, { scale, sizes }: ScaleOf): Tensor4D {
  const { height, width } = sizes[scale]!;
  return scale === sizes.length - 1 ? rest_BHWC : nn.resize(rest_BHWC, height, width, 'area');
}

/** The tokens of one scale as a map of the last size, by bicubic interpolation: [B, l, C] -> [B, H, W, C]. */
export function enlarged(tokens_BlC: Tensor3D, { scale, sizes }: ScaleOf): Tensor4D {
  const map_BhwC = asMap(tokens_BlC, sizes[scale]!);
  const { height, width } = sizes.at(-1)!;
  return scale === sizes.length - 1 ? map_BhwC : nn.resize(map_BhwC, height, width, 'bicubic');
}

/** What a backbone reads before a scale: the running map, brought to that scale's size by averaging, as [B, l, C]. */
export function estimate(map_BHWC: Tensor4D, { height, width }: Size): Tensor3D {
  return asTokens(nn.resize(map_BHWC, height, width, 'area'));
}

/** The running map after all scales given (coarse to fine): one [B, l, C] per scale -> [B, H, W, C]. */
export function accumulate(pyramid: Pyramid, scales_BlC: readonly Tensor3D[]): Tensor4D {
  return scales_BlC
    .map((tokens, scale) => pyramid.contribution(tokens, scale))
    .reduce((map, added) => tf.add(map, added));
}

/**
 * Teacher forcing: what the running map would have given before every scale but the first. Tokens of all scales
 * [B, L, C] -> [B, L - l_0, C].
 * @throws TesseraError `single-scale`
 */
export function estimatesOf(pyramid: Pyramid, tokens_BLC: Tensor3D): Tensor3D {
  const { sizes } = pyramid;
  if (sizes.length === 1) {
    throw new TesseraError({
      code: 'single-scale',
      who: 'tokenizer',
      got: 'a tokenizer of one scale',
      expected: 'at least two, since estimates lead from one scale to the next',
    });
  }
  const tokensOfScale = splitScales(sizes, tokens_BLC);
  const estimates: Tensor3D[] = [];
  let map_BHWC: Tensor4D | null = null;
  for (const [scale, next] of sizes.slice(1).entries()) {
    const added = pyramid.contribution(tokensOfScale[scale]!, scale);
    map_BHWC = map_BHWC === null ? added : tf.add(map_BHWC, added);
    estimates.push(estimate(map_BHWC, next));
  }
  return estimates.length === 1 ? estimates[0]! : tf.concat(estimates, 1);
}

/** What canvases of so many scales can serve: one alone has no coarser ones to estimate it from. */
export function readsOfScales(scales: number): readonly Reads[] {
  return scales > 1 ? ['estimate', 'known', 'last'] : ['known', 'last'];
}
