import { fusedHashUniform } from '../rng/trace-rng.ts';
import type { Fused } from '../trace/graph.ts';
import { fusedGelu, fusedSilu, gelu, silu } from './activations.ts';
import { attention, fusedAttention } from './linear.ts';
import { conv2d, fusedInterleave, fusedSquares, upsample2x, upsampleConv2d } from './convolutions.ts';
import { fusedLinearInt8 } from './int8.ts';
import { fusedConvInt8 } from './int8-conv.ts';
import { crossEntropy, fusedCrossEntropy, fusedCrossEntropyGradient } from './cross-entropy.ts';
import { embedding, fusedLinear, linear, normalize } from './linear.ts';
import {
  fusedGroupNorm,
  fusedGroupNormBiasGradient,
  fusedGroupNormGradient,
  fusedGroupNormSilu,
  fusedGroupNormSiluGradients,
  fusedGroupNormWeightGradient,
  fusedLayerNorm,
  fusedLayerNormGradient,
  groupNorm,
  groupNormSilu,
  layerNorm,
} from './norms.ts';
import { resize } from './resize.ts';
import * as tf from '@tensorflow/tfjs';
import type { Tensor } from '@tensorflow/tfjs';

/**
 * Layers as pure tfjs functions, differentiable and traceable. Images are NHWC; parameters have PyTorch's layout.
 * These functions are the fusion boundary: a target may run each as one operation.
 */
export const nn = {
  linear,
  layerNorm,
  groupNorm,
  groupNormSilu,
  silu,
  gelu,
  normalize,
  attention,
  conv2d,
  upsample2x,
  upsampleConv2d,
  resize,
  embedding,
  crossEntropy,
  withoutGradient,
} as const;

/** Our fused ops. Targets keep lowerings by them; ops that a target lacks are recorded in parts. */
export const fusedOps = byName({
  linear: fusedLinear,
  linearInt8: fusedLinearInt8,
  convInt8: fusedConvInt8,
  layerNorm: fusedLayerNorm,
  layerNormGradient: fusedLayerNormGradient,
  groupNorm: fusedGroupNorm,
  groupNormGradient: fusedGroupNormGradient,
  groupNormWeightGradient: fusedGroupNormWeightGradient,
  groupNormBiasGradient: fusedGroupNormBiasGradient,
  groupNormSilu: fusedGroupNormSilu,
  groupNormSiluGradient: fusedGroupNormSiluGradients.x,
  groupNormSiluWeightGradient: fusedGroupNormSiluGradients.weight,
  groupNormSiluBiasGradient: fusedGroupNormSiluGradients.bias,
  silu: fusedSilu,
  gelu: fusedGelu,
  attention: fusedAttention,
  crossEntropy: fusedCrossEntropy,
  crossEntropyGradient: fusedCrossEntropyGradient,
  interleave: fusedInterleave,
  squares: fusedSquares,
  hashUniform: fusedHashUniform,
});

function byName<K extends string>(ops: Readonly<Record<K, Fused>>): Readonly<Record<K, Fused>> {
  return ops;
}

/**
 * Computes without the tape, so that no gradient flows into or through `compute` ("stop gradient"). A custom gradient
 * without inputs hides everything inside it from tfjs' tape; a gradient of zeros would still run the backward pass.
 * `compute` must return a new tensor.
 */
export function withoutGradient<T extends Tensor>(compute: () => T): T {
  return tf.customGrad<T>(() => ({ value: compute(), gradFunc: () => [] }))();
}
