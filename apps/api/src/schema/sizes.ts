import type { ModelDescription } from '@tessera/host';
import type { PictureSize } from '@tessera/request';
import type { ApiBuilder } from './builder.ts';

export type PictureSizeRef = ReturnType<typeof addPictureSize>;
export type TokenMapRef = ReturnType<typeof addTokenMap>;
export type ModelSizesRef = ReturnType<typeof addModelSizes>;

/** The size of a picture, without its colours. */
export function addPictureSize(builder: ApiBuilder) {
  return builder.objectRef<PictureSize>('PictureSize').implement({
    description: 'Size of a picture in pixels.',
    fields: (t) => ({
      width: t.exposeInt('width', { description: 'Columns.' }),
      height: t.exposeInt('height', { description: 'Rows.' }),
    }),
  });
}

/** Where tokens lie. */
export function addTokenMap(builder: ApiBuilder) {
  return builder.objectRef<ModelDescription['layout'][number]>('TokenMap').implement({
    description: 'A map of tokens, row by row.',
    fields: (t) => ({
      start: t.exposeInt('start', { description: 'Position of its first token.' }),
      height: t.exposeInt('height', { description: 'Rows of tokens.' }),
      width: t.exposeInt('width', { description: 'Columns of tokens.' }),
    }),
  });
}

/** What other sizes a model makes. */
export function addModelSizes(builder: ApiBuilder) {
  return builder.objectRef<NonNullable<ModelDescription['sizes']>>('ModelSizes').implement({
    description: 'Sizes of images that the same weights make: width and height from least to most, multiples of step.',
    fields: (t) => ({
      step: t.exposeInt('step', { description: 'In pixels, as the others.' }),
      least: t.exposeInt('least', { description: 'The smallest width or height.' }),
      most: t.exposeInt('most', { description: 'The largest width or height.' }),
    }),
  });
}
