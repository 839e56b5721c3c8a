export { causalTransformer } from './causal/backbone.ts';
export { attend } from './class-modulated/attention.ts';
export { classCondition } from './class-condition.ts';
export type { ClassModulatedConfig } from './class-modulated/params.ts';
export { dropPathRates, forward, modulate, modulationsOf, runBlock } from './class-modulated/transformer.ts';
export { maskedEncoderDecoder } from './masked/backbone.ts';
export {
  bufferTokens,
  decode,
  embedTokens,
  encode,
  runBlock as runMaskedBlock,
  spread,
  type MaskedModel,
} from './masked/encoder-decoder.ts';
export { takeParams as takeMaskedParams, type MaskedConfig, type TransformerConfig } from './masked/params.ts';
export { nextScaleTransformer } from './next-scale/backbone.ts';
export { blockCausalMask, placesOf, startOf, takeParams, wordsOf } from './next-scale/model.ts';
