import * as tf from '@tensorflow/tfjs';
import type { Tensor2D, Tensor3D, Tensor4D } from '@tensorflow/tfjs';
import type { Size } from '@tessera/autoencoder';
import type { Weights } from '@tessera/core';
import { nn } from '@tessera/engine';
import type { VqConfig } from './config.ts';
import { takePhi, type Phi } from './phi.ts';

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
  const { V, Cvae, patch_nums, using_znorm } = config;
  // A codebook that decayed would pull codes that are not in use to zero.
  const spec = { init: { kind: 'uniform', bound: 1 / V }, decay: false } as const;
  return {
    codebook_VC: weights.param('quantize.embedding.weight', [V, Cvae], spec) as Tensor2D,
    phi: takePhi(weights, config),
    znorm: using_znorm,
    sizes: patch_nums.map((side) => ({ height: side, width: side })),
  };
}

const NORMALIZE_EPS = 1e-12;

/** Nearest entry of the codebook at every position, the first one on ties: [B, h, w, C] -> int32 [B, h w]. */
export function nearestCode({ codebook_VC, znorm }: Quantizer, z_BhwC: Tensor4D): Tensor2D {
  const [batch, height, width, channels] = z_BhwC.shape;
  const z_NC: Tensor2D = tf.reshape(z_BhwC, [batch * height * width, channels]);
  return tf.reshape(znorm ? mostAligned(z_NC, codebook_VC) : closest(z_NC, codebook_VC), [batch, height * width]);
}

function mostAligned(z_NC: Tensor2D, codebook_VC: Tensor2D): tf.Tensor1D {
  const codes_VC = nn.normalize(codebook_VC, NORMALIZE_EPS);
  return tf.argMax(tf.matMul(nn.normalize(z_NC, NORMALIZE_EPS), codes_VC, false, true), 1);
}

function closest(z_NC: Tensor2D, codebook_VC: Tensor2D): tf.Tensor1D {
  const lengths_NV = tf.add(tf.sum(tf.square(z_NC), 1, true), tf.sum(tf.square(codebook_VC), 1));
  return tf.argMin(tf.sub(lengths_NV, tf.mul(tf.matMul(z_NC, codebook_VC, false, true), 2)), 1);
}

/** Entries of the codebook: int32 [B, l] -> [B, l, C]. */
export function lookUp({ codebook_VC }: Quantizer, index_Bl: Tensor2D): Tensor3D {
  return nn.embedding(codebook_VC, index_Bl) as Tensor3D;
}
