import { gelu } from './gelu.ts';
import { silu } from './silu.ts';
import { attention } from './attention.ts';
import { conv2d } from './conv2d.ts';
import { crossEntropy } from './cross-entropy.ts';
import { embedding } from './embedding.ts';
import { groupNorm, groupNormSilu } from './group-norm.ts';
import { layerNorm } from './layer-norm.ts';
import { linear } from './linear.ts';
import { normalize } from './normalize.ts';
import { resize } from './resize.ts';
import { upsampleConv2d } from './upsample-conv.ts';
import { upsample2x } from './upsample.ts';
import { withoutGradient } from './without-gradient.ts';

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
