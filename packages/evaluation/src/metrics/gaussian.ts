import { TesseraError } from '@tessera/errors';
import { addRowProducts } from './row-products.ts';

/** Mean and covariance of some feature vectors, in float64. */
export interface Gaussian {
  readonly count: number;
  readonly mean_D: Float64Array;
  /** `[D, D]` row-major, divided by count - 1. */
  readonly covariance_DD: Float64Array;
}

/** Rows that are centred and transposed together. */
const CHUNK = 512;

/**
 * Fits a Gaussian to `features_ND`, row-major.
 * @throws TesseraError `too-few-images` for fewer than two rows
 */
export function fitGaussian(features_ND: Float32Array, dims: number): Gaussian {
  const count = features_ND.length / dims;
  if (count < 2) {
    throw new TesseraError({
      code: 'too-few-images',
      who: 'fitGaussian',
      got: `features of ${count} images`,
      expected: 'two at least, since one has no covariance',
    });
  }
  const mean_D = new Float64Array(dims);
  for (let start = 0; start < features_ND.length; start += dims) {
    for (let d = 0; d < dims; d++) mean_D[d]! += features_ND[start + d]! / count;
  }
  const covariance_DD = new Float64Array(dims * dims);
  for (let start = 0; start < count; start += CHUNK) {
    const centred = centredColumns(features_ND, mean_D, [start, Math.min(start + CHUNK, count)]);
    addRowProducts({ values: covariance_DD, columns: dims }, [centred, centred], { rows: (row) => [row, dims] });
  }
  for (let a = 0; a < dims; a++) {
    for (let b = a; b < dims; b++) {
      const value = covariance_DD[a * dims + b]! / (count - 1);
      covariance_DD[a * dims + b] = value;
      covariance_DD[b * dims + a] = value;
    }
  }
  return { count, mean_D, covariance_DD };
}

/** Some rows without their mean, one feature after the other. */
function centredColumns(features_ND: Float32Array, mean_D: Float64Array, [start, end]: readonly [number, number]) {
  const [dims, columns] = [mean_D.length, end - start];
  const values = new Float64Array(dims * columns);
  for (let n = 0; n < columns; n++) {
    for (let d = 0; d < dims; d++) values[d * columns + n] = features_ND[(start + n) * dims + d]! - mean_D[d]!;
  }
  return { values, columns };
}
