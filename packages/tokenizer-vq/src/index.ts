export { vqConfig, vqLayout, type VqConfig } from './config.ts';
export {
  accumulateGrowing,
  learnToQuantize,
  lookUp,
  phiIndex,
  pyramidOf,
  quantize,
  takeQuantizer,
  type Quantizer,
} from './quantizer.ts';
export { vqTokenizer, type VqTokenizer } from './tokenizer.ts';
export { deadCodes, emptyUsage, recordHits, USAGE_BUFFER, usageMargin, usagePercent, type CodeUsage } from './usage.ts';
export { decodeFeatures, encodeFeatures, openVqVae, reconstruct, type VqVae } from './vq-vae.ts';
