import { TesseraError } from '@tessera/errors';
import { symmetricEigenvalues } from './eigenvalues.ts';
import type { Gaussian } from './gaussian.ts';
import { addRowProducts, product, type Rows } from './row-products.ts';

/**
 * Frechet distance of two Gaussians: `|m1 - m2|^2 + tr(S1 + S2 - 2 (S1 S2)^(1/2))` (Dowson and Landau 1982). On features of the
 * Inception network it is called FID (Heusel et al. 2017); on others it must not be called so.
 * @throws TesseraError `features-differ`
 */
export function frechetDistance(a: Gaussian, b: Gaussian): number {
  const dims = a.mean_D.length;
  if (b.mean_D.length !== dims) {
    throw new TesseraError({
      code: 'features-differ',
      who: 'frechetDistance',
      got: `features of ${dims} and ${b.mean_D.length} dimensions`,
      expected: 'one feature network for both',
    });
  }
  const shift = a.mean_D.reduce((sum, value, d) => sum + (value - b.mean_D[d]!) ** 2, 0);
  return shift + trace(a) + trace(b) - 2 * traceOfRoot(a, b);
}

function trace({ mean_D, covariance_DD }: Gaussian): number {
  return mean_D.reduce((sum, _, d) => sum + covariance_DD[d * (mean_D.length + 1)]!, 0);
}

/**
 * The trace of `(S1 S2)^(1/2)`. With `S1 = R^T R` the eigenvalues of `S1 S2` are those of `R S2 R^T`, which is symmetric: no
 * matrix root is needed, and no eigenvectors. Negative eigenvalues come from rounding and count as zero.
 */
function traceOfRoot(a: Gaussian, b: Gaussian): number {
  const dims = a.mean_D.length;
  const { rows, order } = factor(a.covariance_DD, dims);
  const rank = rows.values.length / dims;
  if (rank === 0) return 0;
  const other = { values: permuted(b.covariance_DD, order), columns: dims };
  const half = { values: new Float64Array(rank * dims), columns: dims };
  addRowProducts(half, [rows, other], { firstColumn: (row) => row });
  const inner = { values: new Float64Array(rank * rank), columns: rank };
  addRowProducts(inner, [rows, half], { rows: (row) => [0, row + 1], firstColumn: (row) => row });
  return symmetricEigenvalues(inner).reduce((sum, value) => sum + Math.sqrt(Math.max(0, value)), 0);
}

interface Factor {
  /** `[rank, D]`; row i begins with i zeros. */
  readonly rows: Rows;
  /** Which row of the matrix is at place i. */
  readonly order: Int32Array;
}

/**
 * Cholesky's factor `R` of a positive semidefinite matrix whose rows and columns are put in an order: `P S P^T = R^T R`. The
 * largest remaining diagonal entry comes next; when all are rounding errors, the rank is reached (Higham 1990).
 */
function factor(matrix: Float64Array, dims: number): Factor {
  const order = Int32Array.from({ length: dims }, (_, i) => i);
  const left = Float64Array.from(order, (i) => matrix[i * (dims + 1)]!);
  const least = dims * Number.EPSILON * left.reduce((most, value) => Math.max(most, value), 0);
  const lower = new Float64Array(dims * dims); // row i: what row order[i] of the matrix has from each pivot so far
  let rank = 0;
  for (; rank < dims; rank++) {
    const pivot = largest(left, rank);
    if (!(left[pivot]! > least)) break;
    swap({ order, left, lower, dims }, rank, pivot);
    addColumn({ matrix, lower, order, left, dims }, rank);
  }
  const values = new Float64Array(rank * dims);
  for (let i = 0; i < rank; i++) for (let k = i; k < dims; k++) values[i * dims + k] = lower[k * dims + i]!;
  return { rows: { values, columns: dims }, order };
}

function largest(values: Float64Array, from: number): number {
  let at = from;
  for (let i = from + 1; i < values.length; i++) if (values[i]! > values[at]!) at = i;
  return at;
}

interface Unfinished {
  readonly order: Int32Array;
  /** Diagonal of what is not yet explained. */
  readonly left: Float64Array;
  readonly lower: Float64Array;
  readonly dims: number;
}

function swap({ order, left, lower, dims }: Unfinished, a: number, b: number): void {
  [order[a], order[b]] = [order[b]!, order[a]!];
  [left[a], left[b]] = [left[b]!, left[a]!];
  const row = lower.slice(a * dims, a * dims + a);
  lower.copyWithin(a * dims, b * dims, b * dims + a);
  lower.set(row, b * dims);
}

function addColumn(unfinished: Unfinished & { readonly matrix: Float64Array }, k: number): void {
  const { matrix, lower, order, left, dims } = unfinished;
  const root = Math.sqrt(left[k]!);
  const row = lower.subarray(k * dims, k * dims + k);
  for (let i = k + 1; i < dims; i++) {
    const value = (matrix[order[i]! * dims + order[k]!]! - product(row, lower, i * dims)) / root;
    lower[i * dims + k] = value;
    left[i]! -= value * value;
  }
  lower[k * dims + k] = root;
}

function permuted(matrix: Float64Array, order: Int32Array): Float64Array {
  const dims = order.length;
  const out = new Float64Array(matrix.length);
  for (let i = 0; i < dims; i++) {
    for (let k = 0; k < dims; k++) out[i * dims + k] = matrix[order[i]! * dims + order[k]!]!;
  }
  return out;
}
