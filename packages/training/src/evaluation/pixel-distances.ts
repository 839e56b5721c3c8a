import { ssim } from '@blazediff/ssim';
import type { ImageSize, Split } from '../data/data-set.ts';

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

/** The training image nearest to each sample. It shows whether a generator has memorised its training images. */
export interface Neighbours {
  /** Index within the split. */
  readonly index_N: Int32Array;
  /** Squared distance per pixel. */
  readonly distance_N: Float32Array;
}

const CHUNK = 1024;

/** Finds the nearest image to every sample, by squared pixel distance, in one pass over the split. */
export async function nearestNeighbours(samples: readonly Float32Array[], split: Split): Promise<Neighbours> {
  const index_N = new Int32Array(samples.length).fill(-1);
  const distance_N = new Float32Array(samples.length).fill(Infinity);
  for (let start = 0; start < split.count; start += CHUNK) {
    const count = Math.min(CHUNK, split.count - start);
    const pixels = await split.read(Int32Array.from({ length: count }, (_, i) => start + i));
    const size = pixels.length / count;
    for (let i = 0; i < count; i++) {
      for (const [n, sample] of samples.entries()) {
        const distance = squaredDistance(sample, pixels.subarray(i * size, (i + 1) * size), distance_N[n]! * size);
        if (distance / size < distance_N[n]!) {
          distance_N[n] = distance / size;
          index_N[n] = start + i;
        }
      }
    }
  }
  return { index_N, distance_N };
}

/** Stops as soon as the sum reaches `limit`, because most images are far away. */
function squaredDistance(a: Float32Array, b: Float32Array, limit: number): number {
  let sum = 0;
  for (let i = 0; i < a.length && sum < limit; i++) sum += (a[i]! - b[i]!) ** 2;
  return sum;
}
