import { TesseraError } from '@tessera/errors';
import { EigenvalueDecomposition, Matrix } from 'ml-matrix';

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
