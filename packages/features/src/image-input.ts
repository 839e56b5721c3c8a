import * as tf from '@tensorflow/tfjs';
import type { Tensor4D } from '@tensorflow/tfjs';
import { TesseraError } from '@tessera/errors';
import type { ImageSize } from '@tessera/core';

/** Images with three channels: gray ones as three equal channels. */
export function toRgb(image_BHWC: Tensor4D): Tensor4D {
  return image_BHWC.shape[3] === 1 ? (tf.tile(image_BHWC, [1, 1, 1, 3]) as Tensor4D) : image_BHWC;
}

/** Refuses images that a network for gray and colour images cannot take. @throws TesseraError `features-image` */
export function requireImage(who: string, { height, width, channels }: ImageSize, least = 1): void {
  if ((channels === 1 || channels === 3) && height >= least && width >= least) return;
  const size = least > 1 ? `${least} x ${least} pixels at least, and ` : '';
  throw new TesseraError({
    code: 'features-image',
    who,
    got: `images of ${height} x ${width} pixels and ${channels} channels`,
    expected: `${size}1 or 3 channels`,
    next: least > 1 ? 'Choose another network, or larger images.' : 'Choose another network.',
  });
}
