import * as tf from '@tensorflow/tfjs';
import type { Tensor3D, Tensor4D } from '@tensorflow/tfjs';
import { nn } from '@tessera/engine';
import { TesseraError } from '@tessera/errors';
import { applyPhi } from './phi.ts';
import { asMap, asTokens, type Quantizer, type Size } from './quantizer.ts';

/** What the tokens of one scale add to the running map: [B, l, C] -> [B, H, W, C], H and W those of the last size. */
export function contribution(
  quantizer: Quantizer,
  tokens_BlC: Tensor3D,
  { scale, sizes = quantizer.sizes }: { scale: number; sizes?: readonly Size[] },
): Tensor4D {
  const map_BhwC = asMap(tokens_BlC, sizes[scale]!);
  const { height, width } = sizes.at(-1)!;
  const full_BHWC = scale === sizes.length - 1 ? map_BhwC : nn.resize(map_BhwC, height, width, 'bicubic');
  return applyPhi(quantizer.phi, full_BHWC, { scale, scales: sizes.length });
}

/** What a backbone reads before a scale: the running map, brought to that scale's size by averaging, as [B, l, C]. */
export function estimate(map_BHWC: Tensor4D, { height, width }: Size): Tensor3D {
  return asTokens(nn.resize(map_BHWC, height, width, 'area'));
}

/** The running map after all scales given (coarse to fine): one [B, l, C] per scale -> [B, H, W, C]. */
export function accumulate(quantizer: Quantizer, scales_BlC: readonly Tensor3D[]): Tensor4D {
  return scales_BlC
    .map((tokens, scale) => contribution(quantizer, tokens, { scale }))
    .reduce((map, added) => tf.add(map, added));
}

/**
 * The official model's experimental way: the running map itself grows from scale to scale. Every scale is needed.
 */
export function accumulateGrowing(quantizer: Quantizer, scales_BlC: readonly Tensor3D[]): Tensor4D {
  const { sizes, phi } = quantizer;
  return scales_BlC
    .map((tokens, scale) => applyPhi(phi, asMap(tokens, sizes[scale]!), { scale, scales: sizes.length }))
    .reduce((map, added) => {
      const [, height, width] = added.shape;
      return tf.add(nn.resize(map, height, width, 'bicubic'), added);
    });
}

/**
 * Teacher forcing: what the running map would have given before every scale but the first. Tokens of all scales
 * [B, L, C] -> [B, L - l_0, C].
 * @throws TesseraError `single-scale`
 */
export function estimatesOf(quantizer: Quantizer, tokens_BLC: Tensor3D): Tensor3D {
  const { sizes } = quantizer;
  if (sizes.length === 1) {
    throw new TesseraError({
      code: 'single-scale',
      who: 'tokenizer-vq',
      got: 'a tokenizer of one scale',
      expected: 'at least two, since estimates lead from one scale to the next',
    });
  }
  const tokensOfScale = splitScales(quantizer, tokens_BLC);
  const estimates: Tensor3D[] = [];
  let map_BHWC: Tensor4D | null = null;
  for (const [scale, next] of sizes.slice(1).entries()) {
    const added = contribution(quantizer, tokensOfScale[scale]!, { scale });
    map_BHWC = map_BHWC === null ? added : tf.add(map_BHWC, added);
    estimates.push(estimate(map_BHWC, next));
  }
  return estimates.length === 1 ? estimates[0]! : tf.concat(estimates, 1);
}

/** Tokens of all scales, [B, L, C], as one [B, l, C] per scale. */
export function splitScales({ sizes }: Quantizer, tokens_BLC: Tensor3D): Tensor3D[] {
  const lengths = sizes.map(({ height, width }) => height * width);
  return lengths.length === 1 ? [tokens_BLC] : tf.split(tokens_BLC, lengths, 1);
}
