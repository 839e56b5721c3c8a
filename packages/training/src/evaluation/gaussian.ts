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
