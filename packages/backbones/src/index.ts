export { dropPathRates, type NextScaleConfig } from './next-scale/config.ts';
export { nextScaleTransformer } from './next-scale/next-scale-transformer.ts';
export { attend, type AttentionInput, type AttentionOutput, type KeysValues } from './next-scale/attention.ts';
export { modulate, runBlock, type BlockInput, type Branch } from './next-scale/block.ts';
export { conditionOn, type Conditioning } from './next-scale/conditioning.ts';
export { forward, type ForwardInput, type ForwardOutput } from './next-scale/forward.ts';
export { takeParams, type NextScaleDims, type NextScaleParams } from './next-scale/params.ts';
export { blockCausalMask, placesOf, startOf, wordsOf } from './next-scale/places.ts';
