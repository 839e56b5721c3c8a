import * as tf from '@tensorflow/tfjs';
import type { Tensor4D } from '@tensorflow/tfjs';
import { convParams, type ConvParams } from '@tessera/autoencoder';
import type { Weights } from '@tessera/core';
import { nn } from '@tessera/engine';
import type { VqConfig } from './config.ts';

/** The convolutions that smooth what each scale adds: phi(x) = (1 - ratio) x + ratio conv(x). None: the identity. */
export interface Phi {
  readonly ratio: number;
  readonly convs: readonly ConvParams[];
}

/** Below this ratio the official model has no convolutions at all. */
const IDENTITY_BELOW = 1e-6;

/** Takes the phis under their official names, which differ with the way they are shared. */
export function takePhi(weights: Weights, config: VqConfig): Phi {
  const { Cvae, patch_nums, quant_resi, share_quant_resi, default_qresi_counts } = config;
  const ratio = Math.abs(quant_resi);
  if (ratio <= IDENTITY_BELOW) return { ratio: 0, convs: [] };
  const conv = (name: string): ConvParams =>
    convParams(weights, `quantize.quant_resi.${name}`, { inputs: Cvae, outputs: Cvae, kernel: 3 });
  const several = (count: number, name: (i: number) => string): ConvParams[] =>
    Array.from({ length: count }, (_, i) => conv(name(i)));
  if (share_quant_resi === 0) {
    return { ratio, convs: several(default_qresi_counts || patch_nums.length, (i) => `${i}`) };
  }
  if (share_quant_resi === 1) return { ratio, convs: [conv('qresi')] };
  return { ratio, convs: several(share_quant_resi, (i) => `qresi_ls.${i}`) };
}

/**
 * Which of `phis` convolutions serves scale `scale` of `scales`: the one whose tick lies nearest to scale / (scales - 1),
 * the first on ties. Several scales lie half way between two ticks, so the ticks are rounded as NumPy's linspace rounds
 * them (start + i * step in float64). A single scale, where the official model divides by zero, takes phi 0.
 */
export function phiIndex(scale: number, scales: number, phis: number): number {
  if (phis === 1 || scales === 1) return 0;
  const at = scale / (scales - 1);
  const start = phis === 4 ? 1 / 3 / phis : 1 / 2 / phis;
  const stop = 1 - start;
  const step = (stop - start) / (phis - 1);
  let nearest = 0;
  let least = Infinity;
  for (let i = 0; i < phis; i++) {
    const tick = i === phis - 1 ? stop : i * step + start;
    const distance = Math.abs(tick - at);
    if (distance < least) [nearest, least] = [i, distance];
  }
  return nearest;
}

/** phi of one scale, [B, H, W, C] -> the same. */
export function applyPhi(phi: Phi, x_BHWC: Tensor4D, { scale, scales }: { scale: number; scales: number }): Tensor4D {
  if (phi.convs.length === 0) return x_BHWC;
  const { weight_OIHW, bias_O } = phi.convs[phiIndex(scale, scales, phi.convs.length)]!;
  const smoothed = nn.conv2d(x_BHWC, weight_OIHW, bias_O, { pad: 1 });
  return tf.add(tf.mul(x_BHWC, 1 - phi.ratio), tf.mul(smoothed, phi.ratio));
}
