export { accumulate, accumulateGrowing, contribution, estimate, estimatesOf, splitScales } from './accumulate.ts';
export type { VqCanvas } from './canvas.ts';
export { imageSide, mapSide, vqConfig, vqLayout, type LinearPreview, type VqConfig } from './config.ts';
export { keepMask } from './keep-mask.ts';
export type { Layer, Tap } from './layer.ts';
export { learnToQuantize, type Learned } from './learn.ts';
export type { ConvParams } from './params.ts';
export { applyPhi, phiIndex, type Phi } from './phi.ts';
export { fitPreview, type PreviewSamples } from './preview.ts';
export { quantize, type Quantized } from './quantize.ts';
export { lookUp, nearestCode, takeQuantizer, type Quantizer, type Size } from './quantizer.ts';
export { vqTokenizer, type VqTokenizer, type VqTokenizerPlugin } from './tokenizer.ts';
export { deadCodes, emptyUsage, recordHits, USAGE_BUFFER, usageMargin, usagePercent, type CodeUsage } from './usage.ts';
export {
  decodeFeatures,
  encodeFeatures,
  openVqVae,
  reconstruct,
  toNetworkRange,
  toPixelRange,
  type Reconstruction,
  type VqVae,
} from './vq-vae.ts';
