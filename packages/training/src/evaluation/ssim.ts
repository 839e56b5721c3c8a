import { ssim } from '@blazediff/ssim';
import type { ImageSize } from '../data/data-set.ts';

const WINDOW = 11;

/**
 * Mean structural similarity of images in [0, 1] that lie one after the other (Wang et al. 2004: a Gaussian window of 11
 * pixels, or a smaller one where the image is smaller; on luma rounded to eight bits; images of 384 pixels and more are
 * first made smaller, as the authors' code does): 1 when equal.
 */
export function meanSsim(a: Float32Array, b: Float32Array, image: ImageSize): number {
  const { height, width, channels } = image;
  const size = height * width * channels;
  const count = a.length / size;
  const windowSize = Math.min(WINDOW, height, width);
  let sum = 0;
  for (let n = 0; n < count; n++) {
    const [of, other] = [a, b].map((pixels) => toRgba(pixels.subarray(n * size, (n + 1) * size), image));
    sum += ssim(of!, other!, undefined, width, height, { windowSize });
  }
  return sum / count;
}

/** Eight bits, RGBA: what the library takes. */
function toRgba(pixels: Float32Array, { height, width, channels }: ImageSize): Uint8ClampedArray {
  const data = new Uint8ClampedArray(height * width * 4);
  for (let i = 0; i < height * width; i++) {
    for (let c = 0; c < 3; c++) data[4 * i + c] = Math.round(255 * pixels[i * channels + Math.min(c, channels - 1)]!);
    data[4 * i + 3] = 255;
  }
  return data;
}
