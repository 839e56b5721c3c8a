import * as tf from '@tensorflow/tfjs';
import type { Tensor3D, Tensor4D } from '@tensorflow/tfjs';
import { checkMask, type Layout, type Reads } from '@tessera/core';
import { nn } from '@tessera/engine';
import { TesseraError } from '@tessera/errors';

/*
 * A map as a sum of scales, each what the coarser ones left over (VAR, arXiv 2404.02905, algorithms 1 and 2): of codes,
 * or of plain numbers. Functions of tensors are pure and traceable.
 */

export interface Pyramid {
  /** Coarse to fine; the last is the size of the map. */
  readonly sizes: readonly Size[];
  /** What the tokens of one scale add to the running map: [B, l, C] -> [B, H, W, C]. */
  contribution(tokens_BlC: Tensor3D, scale: number): Tensor4D;
}

/** A scale among all. */
interface ScaleOf {
  readonly scale: number;
  readonly sizes: readonly Size[];
}

/**
 * What a scale has to explain: the rest f, brought to the size of the scale by averaging; the last scale sees it as it is.
 * VAR, algorithm 1: interpolate(f, h_k, w_k).
 */
export function remainder(rest_BHWC: Tensor4D, { scale, sizes }: ScaleOf): Tensor4D {
  const { height, width } = sizes[scale]!;
  return scale === sizes.length - 1 ? rest_BHWC : nn.resize(rest_BHWC, height, width, 'area');
}

/**
 * The tokens of one scale as a map of the last size, by bicubic interpolation: [B, l, C] -> [B, H, W, C]. VAR, algorithm 1:
 * interpolate(z_k, h_K, w_K).
 */
export function enlarged(tokens_BlC: Tensor3D, { scale, sizes }: ScaleOf): Tensor4D {
  const map_BhwC = asMap(tokens_BlC, sizes[scale]!);
  const { height, width } = sizes.at(-1)!;
  return scale === sizes.length - 1 ? map_BhwC : nn.resize(map_BhwC, height, width, 'bicubic');
}

/** What a backbone reads before a scale: the running map, brought to the size of the scale by averaging, [B, l, C]. */
export function estimate(map_BHWC: Tensor4D, { height, width }: Size): Tensor3D {
  return asTokens(nn.resize(map_BHWC, height, width, 'area'));
}

/** The map of all scales given, coarse to fine: one [B, l, C] per scale -> [B, H, W, C] (VAR, algorithm 2). */
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
  return scales > 1 ? ['estimate', 'known', 'last', 'scale'] : ['known', 'last'];
}

/** Size of one scale's token map. */
export interface Size {
  readonly height: number;
  readonly width: number;
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

/**
 * Brings a mask on the finest map (1 = keep) to every position: a token of a coarser scale stays where the mask,
 * interpolated bilinearly without antialiasing, is above one half. A scale of at most three tokens stays whole, as in the
 * official zero-shot editing: it holds the picture's mean.
 * @throws TesseraError `mask-size`
 */
export function keepMask(layout: Layout, mask: Uint8Array, who: string): Uint8Array {
  const { height, width } = layout.scales.at(-1)!;
  checkMask(mask, { height, width }, who);
  const keep_L = new Uint8Array(layout.length);
  for (const scale of layout.scales) {
    const area = scale.height * scale.width;
    if (area <= 3) {
      keep_L.fill(1, scale.start, scale.start + area);
      continue;
    }
    const rows = taps(height, scale.height);
    const columns = taps(width, scale.width);
    for (let i = 0; i < area; i++) {
      const row = rows[Math.floor(i / scale.width)]!;
      const column = columns[i % scale.width]!;
      const at = (y: number): number => mix(column, (x) => (mask[y * width + x] ? 1 : 0));
      keep_L[scale.start + i] = mix(row, at) > 0.5 ? 1 : 0;
    }
  }
  return keep_L;
}

interface Taps {
  readonly near: number;
  readonly far: number;
  /** Share of `far`. */
  readonly share: number;
}

/**
 * Two neighbours of each target position. The ratio is rounded to float32 as PyTorch has it: it decides where a position
 * falls half way between two entries.
 */
function taps(from: number, to: number): readonly Taps[] {
  const ratio = Math.fround(from / to);
  return Array.from({ length: to }, (_, i) => {
    const centre = Math.max(0, ratio * (i + 0.5) - 0.5);
    const near = Math.min(Math.floor(centre), from - 1);
    return { near, far: Math.min(near + 1, from - 1), share: centre - near };
  });
}

function mix({ near, far, share }: Taps, at: (i: number) => number): number {
  return (1 - share) * at(near) + share * at(far);
}
