import { ssim } from '@blazediff/ssim';
import type { ImageSize } from '@tessera/features';

/** Peak signal-to-noise ratio in dB of images in [0, 1], over all elements; infinite for equal images. */
export function psnr(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i]! - b[i]!) ** 2;
  return -10 * Math.log10(sum / a.length);
}

const WINDOW = 11;

/**
 * Mean structural similarity of two batches of images in [0, 1]; 1 for equal images (Wang et al. 2004, equation 13). The
 * Gaussian window has 11 pixels, or fewer for smaller images. It works on luma rounded to eight bits. Images of 384 pixels
 * and more are first downsampled, as in the authors' code.
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

/** Converts to RGBA with eight bits, the format of the library. */
function toRgba(pixels: Float32Array, { height, width, channels }: ImageSize): Uint8ClampedArray {
  const data = new Uint8ClampedArray(height * width * 4);
  for (let i = 0; i < height * width; i++) {
    for (let c = 0; c < 3; c++) data[4 * i + c] = Math.round(255 * pixels[i * channels + Math.min(c, channels - 1)]!);
    data[4 * i + 3] = 255;
  }
  return data;
}
