import * as tf from '@tensorflow/tfjs';
import type { Tensor3D, Tensor4D } from '@tensorflow/tfjs';
import { asMap, enlarged, type Pyramid, type Size } from '@tessera/autoencoder';
import { nn } from '@tessera/engine';
import { applyPhi } from './phi.ts';
import type { Quantizer } from './quantizer.ts';

/** What the tokens of one scale add to the running map: [B, l, C] -> [B, H, W, C], H and W those of the last size. */
export function contribution(
  quantizer: Quantizer,
  tokens_BlC: Tensor3D,
  { scale, sizes = quantizer.sizes }: { scale: number; sizes?: readonly Size[] },
): Tensor4D {
  return applyPhi(quantizer.phi, enlarged(tokens_BlC, { scale, sizes }), { scale, scales: sizes.length });
}

/** The quantiser's scales as a pyramid of codes. */
export function pyramidOf(quantizer: Quantizer): Pyramid {
  return {
    sizes: quantizer.sizes,
    contribution: (tokens_BlC, scale) => contribution(quantizer, tokens_BlC, { scale }),
  };
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
