import * as tf from '@tensorflow/tfjs';
import type { Tensor2D, Tensor4D } from '@tensorflow/tfjs';
import { remainder, type Size } from '@tessera/autoencoder';
import { contribution } from './accumulate.ts';
import { lookUp, nearestCode, type Quantizer } from './quantizer.ts';

/** Per scale, coarse to fine. */
export interface Quantized {
  readonly index_Bl: readonly Tensor2D[];
  /** The running map after this scale, [B, H, W, C]. */
  readonly map_BHWC: readonly Tensor4D[];
}

/**
 * Quantises features scale by scale, each scale what the ones before left over (VAR, algorithm 1): [B, H, W, C].
 * `sizes` may differ from the quantiser's own; the last must be the size of the map. Pure and traceable.
 */
export function quantize(
  quantizer: Quantizer,
  features_BHWC: Tensor4D,
  sizes: readonly Size[] = quantizer.sizes,
): Quantized {
  const index_Bl: Tensor2D[] = [];
  const map_BHWC: Tensor4D[] = [];
  let rest_BHWC = features_BHWC;
  for (const scale of sizes.keys()) {
    const index = nearestCode(quantizer, remainder(rest_BHWC, { scale, sizes }));
    const added = contribution(quantizer, lookUp(quantizer, index), { scale, sizes });
    const before = map_BHWC.at(-1);
    index_Bl.push(index);
    map_BHWC.push(before === undefined ? added : tf.add(before, added));
    if (scale < sizes.length - 1) rest_BHWC = tf.sub(rest_BHWC, added);
  }
  return { index_Bl, map_BHWC };
}
