export { accumulateGrowing, contribution, pyramidOf } from './accumulate.ts';
export { imageSide, mapSide, vqConfig, vqLayout, type VqConfig } from './config.ts';
export { learnToQuantize, type Learned } from './learn.ts';
export { applyPhi, phiIndex, type Phi } from './phi.ts';
export { quantize, type Quantized } from './quantize.ts';
export { lookUp, nearestCode, takeQuantizer, type Quantizer } from './quantizer.ts';
export { vqTokenizer, type VqTokenizer, type VqTokenizerPlugin } from './tokenizer.ts';
export { deadCodes, emptyUsage, recordHits, USAGE_BUFFER, usageMargin, usagePercent, type CodeUsage } from './usage.ts';
export { decodeFeatures, encodeFeatures, openVqVae, reconstruct, type Reconstruction, type VqVae } from './vq-vae.ts';
