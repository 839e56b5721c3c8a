import * as tf from '@tensorflow/tfjs';
import type { Scalar, Tensor1D, Tensor2D, Tensor3D, Tensor4D } from '@tensorflow/tfjs';
import {
  asMap,
  asTokens,
  convParams,
  enlarged,
  remainder,
  type ConvParams,
  type Pyramid,
  type Size,
} from '@tessera/autoencoder';
import type { Weights } from '@tessera/core';
import { nn } from '@tessera/engine';
import { vqScales, type VqConfig } from './config.ts';

/*
 * The multi-scale residual quantiser (VAR, arXiv 2404.02905, section 3.2, algorithms 1 and 2): a latent map as a sum of
 * scales of codes, each scale what the coarser ones left over. Functions of tensors are pure and traceable.
 */

/** The codebook that all scales share, and how it is read. */
export interface Quantizer {
  readonly codebook_VC: Tensor2D;
  readonly phi: Phi;
  /** Compare directions instead of distances. */
  readonly znorm: boolean;
  /** The scales it was made for, coarse to fine. */
  readonly sizes: readonly Size[];
}

export function takeQuantizer(weights: Weights, config: VqConfig): Quantizer {
  const { V, Cvae, using_znorm } = config;
  // A codebook that decayed would pull codes that are not in use to zero.
  const spec = { init: { kind: 'uniform', bound: 1 / V }, decay: false } as const;
  return {
    codebook_VC: weights.param('quantize.embedding.weight', [V, Cvae], spec) as Tensor2D,
    phi: takePhi(weights, config),
    znorm: using_znorm,
    sizes: vqScales(config),
  };
}

/** Per scale, coarse to fine. */
export interface Quantized {
  readonly index_Bl: readonly Tensor2D[];
  /** The running map after this scale, [B, H, W, C]. */
  readonly map_BHWC: readonly Tensor4D[];
}

/**
 * Quantises features [B, H, W, C] scale by scale, each scale what the ones before left over (VAR, algorithm 1). `sizes` may
 * differ from the quantiser's own; the last must be the size of the map.
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

const NORMALIZE_EPS = 1e-12;

/**
 * Nearest entry of the codebook at every position, the first one on ties: [B, h, w, C] -> int32 [B, h w] (VAR, equation 3).
 */
function nearestCode({ codebook_VC, znorm }: Quantizer, z_BhwC: Tensor4D): Tensor2D {
  const [batch, height, width, channels] = z_BhwC.shape;
  const z_NC: Tensor2D = tf.reshape(z_BhwC, [batch * height * width, channels]);
  return tf.reshape(znorm ? mostAligned(z_NC, codebook_VC) : closest(z_NC, codebook_VC), [batch, height * width]);
}

function mostAligned(z_NC: Tensor2D, codebook_VC: Tensor2D): Tensor1D {
  const codes_VC = nn.normalize(codebook_VC, NORMALIZE_EPS);
  return tf.argMax(tf.matMul(nn.normalize(z_NC, NORMALIZE_EPS), codes_VC, false, true), 1);
}

function closest(z_NC: Tensor2D, codebook_VC: Tensor2D): Tensor1D {
  const lengths_NV = tf.add(tf.sum(tf.square(z_NC), 1, true), tf.sum(tf.square(codebook_VC), 1));
  return tf.argMin(tf.sub(lengths_NV, tf.mul(tf.matMul(z_NC, codebook_VC, false, true), 2)), 1);
}

/** Entries of the codebook: int32 [B, l] -> [B, l, C] (VAR, equation 4). */
export function lookUp({ codebook_VC }: Quantizer, index_Bl: Tensor2D): Tensor3D {
  return nn.embedding(codebook_VC, index_Bl) as Tensor3D;
}

/**
 * What the tokens of one scale add to the running map: [B, l, C] -> [B, H, W, C], H and W those of the last size. VAR,
 * algorithm 2: phi_k(interpolate(z_k, h_K, w_K)).
 */
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
 * An experimental variant of the official model: the running map itself grows from scale to scale. Needs every scale.
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
 * The convolutions phi_k that smooth what each scale adds (VAR, section 3.2, "Tokenization"): phi(x) = (1 - ratio) x +
 * ratio conv(x). Without convolutions phi is the identity.
 */
interface Phi {
  readonly ratio: number;
  readonly convs: readonly ConvParams[];
}

/** Below this ratio the official model has no convolutions at all. */
const IDENTITY_BELOW = 1e-6;

/** Takes the phis under their official names, which differ with the way they are shared. */
function takePhi(weights: Weights, config: VqConfig): Phi {
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
function applyPhi(phi: Phi, x_BHWC: Tensor4D, { scale, scales }: { scale: number; scales: number }): Tensor4D {
  if (phi.convs.length === 0) return x_BHWC;
  const { weight_OIHW, bias_O } = phi.convs[phiIndex(scale, scales, phi.convs.length)]!;
  const smoothed = nn.conv2d(x_BHWC, weight_OIHW, bias_O, { pad: 1 });
  return tf.add(tf.mul(x_BHWC, 1 - phi.ratio), tf.mul(smoothed, phi.ratio));
}

/** The quantiser's training forward. */
export interface Learned {
  /** The quantised map in value; its gradient goes straight to the features. */
  readonly map_BHWC: Tensor4D;
  /** Codebook loss + beta * commitment loss, averaged over scales. */
  readonly loss: Scalar;
  /** How often each code was chosen at each scale, float32. */
  readonly hits_SV: Tensor2D;
  /** What every position of every scale had to explain, [B, L, C]: dead codes may start again from these. */
  readonly residual_BLC: Tensor3D;
}

/**
 * Quantises features so that encoder, codebook and phi can learn (the second term of VAR, equation 5, in the manner of
 * VQ-VAE, arXiv 1711.00937, equation 3): after every scale the running map is compared with the features, with gradients to
 * the codes and phis of all scales so far, and to the features by `beta`.
 */
export function learnToQuantize(quantizer: Quantizer, features_BHWC: Tensor4D, beta: number): Learned {
  const { sizes } = quantizer;
  const fixed_BHWC = nn.withoutGradient(() => tf.clone(features_BHWC));
  const losses: Scalar[] = [];
  const hits: Tensor1D[] = [];
  const residuals: Tensor3D[] = [];
  let rest_BHWC = fixed_BHWC;
  let map_BHWC: Tensor4D | null = null;
  for (const scale of sizes.keys()) {
    const rest = rest_BHWC;
    const residual_BhwC = nn.withoutGradient(() => tf.clone(remainder(rest, { scale, sizes })));
    const index_Bl = nn.withoutGradient(() => nearestCode(quantizer, residual_BhwC));
    residuals.push(asTokens(residual_BhwC));
    hits.push(nn.withoutGradient(() => countHits(index_Bl, quantizer)));
    const added = contribution(quantizer, lookUp(quantizer, index_Bl), { scale });
    const map: Tensor4D = map_BHWC === null ? added : tf.add(map_BHWC, added);
    const still = nn.withoutGradient(() => tf.clone(map));
    const commitment = tf.mul(meanSquare(tf.sub(still, features_BHWC)), beta);
    losses.push(tf.add(commitment, meanSquare(tf.sub(map, fixed_BHWC))));
    rest_BHWC = nn.withoutGradient(() => tf.sub(rest, added));
    map_BHWC = map;
  }
  const map = map_BHWC!;
  const correction = nn.withoutGradient(() => tf.sub(map, features_BHWC));
  return {
    map_BHWC: tf.add(features_BHWC, correction),
    loss: tf.div(
      losses.reduce((sum, one) => tf.add(sum, one)),
      losses.length,
    ),
    hits_SV: tf.stack(hits) as Tensor2D,
    residual_BLC: residuals.length === 1 ? residuals[0]! : tf.concat(residuals, 1),
  };
}

function meanSquare(x: Tensor4D): Scalar {
  return tf.mean(tf.square(x));
}

function countHits(index_Bl: Tensor2D, { codebook_VC }: Quantizer): Tensor1D {
  const index_N = tf.reshape(index_Bl, [-1]) as Tensor1D;
  // Ones made from the indices themselves: a constant would fix the size of the batch.
  const ones_N = tf.cast(tf.greaterEqual(index_N, 0), 'float32');
  return tf.unsortedSegmentSum(ones_N, index_N, codebook_VC.shape[0]) as Tensor1D;
}
