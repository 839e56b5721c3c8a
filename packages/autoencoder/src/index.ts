export { Blocks, type AttentionKind, type BlockSpec, type Channels } from './blocks.ts';
export { keeping, latentChannels, stackFields, stackRules, upTo, type Rule } from './config-fields.ts';
export { decoderLayers } from './decoder.ts';
export { encoderLayers, type Levels, type StackShape } from './encoder.ts';
export { runLayers, type Layer, type Tap } from './layer.ts';
export { convParams, type ConvParams, type ConvShape } from './params.ts';
export { fitPreview, linearPreview, previewMissing, type LinearPreview, type PreviewSamples } from './preview.ts';
export { ProgramSet } from './program-set.ts';
export { toNetworkRange, toPixelRange } from './range.ts';
