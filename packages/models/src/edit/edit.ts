import type { Pixels, Tokenizer } from '@tessera/core';
import { TesseraError, type ErrorParts } from '@tessera/errors';

/** A picture of which a part is redrawn: in-painting, out-painting, another class for a part. */
export interface Edit {
  /** Of the size and channels of the model's images, values from 0 to 1. */
  readonly image: Pixels;
  /** One entry a pixel, row by row: 0 stays, anything else is redrawn. */
  readonly repaint: Uint8Array;
}

interface Place {
  readonly who: string;
  /** Of the model. */
  readonly image: Tokenizer['image'];
}

/** @throws TesseraError `edit-image-size`, `edit-image-values`, `edit-mask-size`, `edit-repaints-nothing` */
export function checkEdit({ image, repaint }: Edit, { who, image: own }: Place): void {
  const refuse = (parts: Omit<ErrorParts, 'who'>): never => {
    throw new TesseraError({ who, ...parts });
  };
  const { data, height, width, channels } = image;
  const sameSize = height === own.height && width === own.width && channels === own.channels;
  if (!sameSize || data.length !== height * width * channels) {
    refuse({
      code: 'edit-image-size',
      got: `a picture of ${height} x ${width} pixels in ${channels} channels with ${data.length} numbers`,
      expected: `${own.height} x ${own.width} pixels in ${own.channels} channels, which its images have`,
      next: 'Scale and crop the picture first.',
    });
  }
  const wrong = data.find((value) => !(value >= 0 && value <= 1));
  if (wrong !== undefined) {
    refuse({
      code: 'edit-image-values',
      got: `a picture with the value ${wrong}`,
      expected: 'values from 0 (black) to 1 (full)',
      next: 'Divide bytes by 255.',
    });
  }
  if (repaint.length !== height * width) {
    refuse({
      code: 'edit-mask-size',
      got: `a mask of ${repaint.length} entries`,
      expected: `${height * width}, one for each of ${height} x ${width} pixels`,
      next: 'Make one entry a pixel, row by row.',
    });
  }
  if (!repaint.some(Boolean)) {
    refuse({
      code: 'edit-repaints-nothing',
      got: 'a mask that keeps every pixel',
      expected: 'at least one pixel to make anew',
      next: 'Mark what is to change.',
    });
  }
}

/** The made image with the kept pixels of the given one, exactly. */
export function pasteKept(made: Pixels, { image, repaint }: Edit): Pixels {
  const { channels } = made;
  const data = image.data.slice();
  for (const [pixel, anew] of repaint.entries()) {
    if (anew) data.set(made.data.subarray(pixel * channels, (pixel + 1) * channels), pixel * channels);
  }
  return { ...made, data };
}
