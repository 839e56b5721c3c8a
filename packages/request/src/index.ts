export { chooseClass, readingsOf, type NamedClasses } from './class-choice.ts';
export { conditionOfWords } from './condition-words.ts';
export { classOf, labelOf, type Condition, type PictureSize } from '@tessera/core';
export { batchKey } from './batch-key.ts';
export { batchOf, imagesOfClasses, rowsOf, togetherOf } from './images.ts';
export { checkRegion, type Box, type EditRequest, type Region } from './region.ts';
export {
  requestSchema,
  requestTexts,
  sizeField,
  sizeText,
  type Checked,
  type GenerationRequest,
  type ModelRequest,
  type RequestBounds,
  type RequestedImage,
} from './request.ts';
