import { ssim as compare } from 'ssim.js';
import type { ImageSize } from '../data/data-set.ts';

/** An image as the library takes it: eight bits, RGBA. */
interface Rgba {
  readonly data: Uint8ClampedArray;
  readonly width: number;
  readonly height: number;
}

const WINDOW = 11;

/**
 * Mean structural similarity of images in [0, 1] that lie one after the other (Wang et al. 2004: a Gaussian window of 11
 * pixels, on luma rounded to eight bits, no downsampling; a smaller window
 * where the image is smaller): 1 when equal.
 */
export function meanSsim(a: Float32Array, b: Float32Array, image: ImageSize): number {
  const size = image.height * image.width * image.channels;
  const count = a.length / size;
  const windowSize = Math.min(WINDOW, image.height, image.width);
  let sum = 0;
  for (let n = 0; n < count; n++) {
    const [of, other] = [a, b].map((pixels) => toRgba(pixels.subarray(n * size, (n + 1) * size), image));
    sum += compare(of!, other!, { ssim: 'original', downsample: false, windowSize }).mssim;
  }
  return sum / count;
}

function toRgba(pixels: Float32Array, { height, width, channels }: ImageSize): Rgba {
  const data = new Uint8ClampedArray(height * width * 4);
  for (let i = 0; i < height * width; i++) {
    for (let c = 0; c < 3; c++) data[4 * i + c] = Math.round(255 * pixels[i * channels + Math.min(c, channels - 1)]!);
    data[4 * i + 3] = 255;
  }
  return { data, width, height };
}
