import { ssim } from '@blazediff/ssim';
import { TesseraError } from '@tessera/errors';
import { EigenvalueDecomposition, Matrix } from 'ml-matrix';
import type { ImageSize, Split } from '../data/data-set.ts';

/**
 * Frechet distance of two Gaussians: `|m1 - m2|^2 + tr(S1 + S2 - 2 (S1 S2)^(1/2))` (Dowson and Landau 1982). The trace
 * of the root is that of `(S1^(1/2) S2 S1^(1/2))^(1/2)`, which is symmetric: two eigendecompositions, no complex numbers.
 * On features of the Inception network it is called FID (Heusel et al. 2017); on others it must not be called so.
 * @throws TesseraError `features-differ`
 */
export function frechetDistance(a: Gaussian, b: Gaussian): number {
  const dims = a.mean_D.length;
  if (b.mean_D.length !== dims) {
    const got = `features of ${dims} and ${b.mean_D.length} dimensions`;
    throw new TesseraError({
      code: 'features-differ',
      who: 'frechetDistance',
      got,
      expected: 'one feature network for both',
    });
  }
  const [first, second] = [square(a.covariance_DD, dims), square(b.covariance_DD, dims)];
  const root = squareRoot(first);
  const inner = root.mmul(second).mmul(root);
  const traceOfRoot = eigenvalues(inner).reduce((sum, value) => sum + Math.sqrt(Math.max(0, value)), 0);
  const shift = a.mean_D.reduce((sum, value, d) => sum + (value - b.mean_D[d]!) ** 2, 0);
  return shift + first.trace() + second.trace() - 2 * traceOfRoot;
}

function square(values: Float64Array, dims: number): Matrix {
  return Matrix.from1DArray(dims, dims, values);
}

/** The root of a positive semidefinite matrix. Rounding gives tiny negative eigenvalues, which count as zero. */
function squareRoot(matrix: Matrix): Matrix {
  const { eigenvectorMatrix, realEigenvalues } = new EigenvalueDecomposition(matrix, { assumeSymmetric: true });
  const roots = Matrix.diag(realEigenvalues.map((value) => Math.sqrt(Math.max(0, value))));
  return eigenvectorMatrix.mmul(roots).mmul(eigenvectorMatrix.transpose());
}

function eigenvalues(matrix: Matrix): number[] {
  return new EigenvalueDecomposition(matrix, { assumeSymmetric: true }).realEigenvalues;
}

/** Mean and covariance of some feature vectors, in float64. */
export interface Gaussian {
  readonly count: number;
  readonly mean_D: Float64Array;
  /** `[D, D]` row-major, divided by count - 1. */
  readonly covariance_DD: Float64Array;
}

/** Fits a Gaussian to `features_ND`, row-major. Needs at least two rows. */
export function fitGaussian(features_ND: Float32Array, dims: number): Gaussian {
  const count = features_ND.length / dims;
  const mean_D = new Float64Array(dims);
  for (let i = 0; i < features_ND.length; i++) mean_D[i % dims]! += features_ND[i]! / count;
  const covariance_DD = new Float64Array(dims * dims);
  const centred = new Float64Array(dims);
  for (let n = 0; n < count; n++) {
    for (let d = 0; d < dims; d++) centred[d] = features_ND[n * dims + d]! - mean_D[d]!;
    for (let a = 0; a < dims; a++) {
      for (let b = 0; b <= a; b++) covariance_DD[a * dims + b]! += (centred[a]! * centred[b]!) / (count - 1);
    }
  }
  for (let a = 0; a < dims; a++) {
    for (let b = a + 1; b < dims; b++) covariance_DD[a * dims + b] = covariance_DD[b * dims + a]!;
  }
  return { count, mean_D, covariance_DD };
}

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
interface Neighbours {
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
