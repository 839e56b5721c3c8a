export {
  keeping,
  latentChannels,
  pictureField,
  pictureRule,
  squareBounds,
  stackFields,
  stackRules,
  upTo,
  type Rule,
} from './config.ts';
export { decoderLayers, encoderLayers, toNetworkRange, toPixelRange } from './encoder-decoder.ts';
export { Blocks, convParams, runLayers, type ConvParams, type Layer, type Tap } from './layers.ts';
export { fitPreview, linearPreview, previewMissing, type LinearPreview } from './preview.ts';
export {
  accumulate,
  asMap,
  asTokens,
  enlarged,
  estimatesOf,
  keepMask,
  readsOfScales,
  remainder,
  type Pyramid,
  type Size,
} from './pyramid.ts';
export type { ScaleCanvas } from './scale-canvas.ts';
export { ProgramSet, type ScaleModel } from './scale-programs.ts';
export { openScaleTokenizer, type ScaleTokenizer } from './scale-tokenizer.ts';
