import { TesseraError } from '@tessera/errors';
import { EigenvalueDecomposition, Matrix } from 'ml-matrix';
import type { Gaussian } from './gaussian.ts';

/**
 * Frechet distance of two Gaussians: `|m1 - m2|^2 + tr(S1 + S2 - 2 (S1 S2)^(1/2))` (Dowson and Landau 1982). The trace
 * of the root is that of `(S1^(1/2) S2 S1^(1/2))^(1/2)`, which is symmetric: two eigen decompositions, no complex
 * numbers. On features of an Inception network this is FID; on any other it must not be called so.
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

/** Rounding leaves tiny negative eigenvalues in matrices that have none; they count as zero. */
function squareRoot(matrix: Matrix): Matrix {
  const { eigenvectorMatrix, realEigenvalues } = new EigenvalueDecomposition(matrix, { assumeSymmetric: true });
  const roots = Matrix.diag(realEigenvalues.map((value) => Math.sqrt(Math.max(0, value))));
  return eigenvectorMatrix.mmul(roots).mmul(eigenvectorMatrix.transpose());
}

function eigenvalues(matrix: Matrix): number[] {
  return new EigenvalueDecomposition(matrix, { assumeSymmetric: true }).realEigenvalues;
}
