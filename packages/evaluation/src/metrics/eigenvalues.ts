import type { Rows } from './row-products.ts';

/**
 * Eigenvalues of a symmetric matrix, in no order. The lower triangle is read, and overwritten. Householder reflections make
 * the matrix tridiagonal, and implicit QL steps make that diagonal (Golub and Van Loan, Matrix Computations, 8.3). Without
 * eigenvectors this costs 4/3 n^3 operations, a tenth of a full decomposition.
 */
export function symmetricEigenvalues(matrix: Rows): Float64Array {
  const { diagonal, beside } = tridiagonal(matrix);
  return diagonalise(diagonal, beside);
}

interface Tridiagonal {
  readonly diagonal: Float64Array;
  /** Entry i is that of row i and column i - 1. */
  readonly beside: Float64Array;
}

/** Reflects the rows from the last to the first. Each pass over the triangle applies one reflection and prepares the next. */
function tridiagonal({ values, columns }: Rows): Tridiagonal {
  const [diagonal, beside] = [new Float64Array(columns), new Float64Array(columns)];
  let [v, w]: Float64Array[] = [new Float64Array(columns), new Float64Array(columns)];
  for (let i = columns - 1; i >= 0; i--) {
    const row = values.subarray(i * columns, i * columns + i + 1);
    for (let k = 0; k <= i; k++) row[k]! -= v![i]! * w![k]! + w![i]! * v![k]!;
    diagonal[i] = row[i]!;
    if (i === 0) break;
    const { u, half, image } = reflection(row.subarray(0, i));
    beside[i] = image;
    const p = updateAndMultiply({ values, columns }, { v: v!, w: w!, u });
    const shift = half === 0 ? 0 : u.reduce((sum, value, k) => sum + value * p[k]!, 0) / (2 * half * half);
    [v, w] = [u, p.map((value, k) => (half === 0 ? 0 : value / half - shift * u[k]!))];
  }
  return { diagonal, beside };
}

/** The vector `u` that reflects `x` onto its last axis, `u u / 2`, and the image. All zeros where nothing must be done. */
function reflection(x: Float64Array): { u: Float64Array; half: number; image: number } {
  const last = x.length - 1;
  const most = x.reduce((sum, value) => Math.max(sum, Math.abs(value)), 0);
  const rest = x.subarray(0, last).reduce((sum, value) => sum + Math.abs(value), 0);
  if (rest === 0) return { u: new Float64Array(x.length), half: 0, image: x[last]! };
  const norm = most * Math.sqrt(x.reduce((sum, value) => sum + (value / most) ** 2, 0));
  const image = x[last]! > 0 ? -norm : norm;
  const u = x.slice();
  u[last]! -= image;
  return { u, half: norm * norm - x[last]! * image, image };
}

/** Subtracts `v w^T + w v^T` from the leading triangle of u's size, and multiplies the result with u: one pass. */
function updateAndMultiply(
  { values, columns }: Rows,
  { v, w, u }: { v: Float64Array; w: Float64Array; u: Float64Array },
): Float64Array {
  const p = new Float64Array(u.length);
  for (let j = 0; j < u.length; j++) {
    const [start, ofV, ofW, ofU] = [j * columns, v[j]!, w[j]!, u[j]!];
    let sum = 0;
    for (let k = 0; k < j; k++) {
      const value = values[start + k]! - (ofV * w[k]! + ofW * v[k]!);
      values[start + k] = value;
      sum += value * u[k]!;
      p[k]! += value * ofU;
    }
    values[start + j]! -= 2 * ofV * ofW;
    p[j]! += sum + values[start + j]! * ofU;
  }
  return p;
}

/** Steps for one eigenvalue; it takes two or three. */
const MOST_STEPS = 60;

/** Implicit QL steps with Wilkinson's shift, until the entries beside the diagonal vanish. */
function diagonalise(d: Float64Array, beside: Float64Array): Float64Array {
  const e = Float64Array.from(beside, (_, i) => beside[i + 1] ?? 0);
  for (let l = 0; l < d.length; l++) {
    for (let step = 0; step < MOST_STEPS; step++) {
      const m = endOfBlock(d, e, l);
      if (m === l) break;
      shiftedStep(d, e, [l, m]);
    }
  }
  return d;
}

/** The last row of the block that begins with row l: behind it, the entry beside the diagonal is nothing. */
function endOfBlock(d: Float64Array, e: Float64Array, l: number): number {
  let m = l;
  while (m < d.length - 1 && Math.abs(e[m]!) > Number.EPSILON * (Math.abs(d[m]!) + Math.abs(d[m + 1]!))) m++;
  return m;
}

function shiftedStep(d: Float64Array, e: Float64Array, [l, m]: readonly [number, number]): void {
  const half = (d[l + 1]! - d[l]!) / (2 * e[l]!);
  let g = d[m]! - d[l]! + e[l]! / (half + (half < 0 ? -1 : 1) * Math.hypot(half, 1));
  let [sine, cosine, p] = [1, 1, 0];
  for (let i = m - 1; i >= l; i--) {
    const [f, b] = [sine * e[i]!, cosine * e[i]!];
    const r = Math.hypot(f, g);
    e[i + 1] = r;
    if (r === 0) {
      d[i + 1]! -= p;
      e[m] = 0;
      return;
    }
    [sine, cosine] = [f / r, g / r];
    g = d[i + 1]! - p;
    const both = (d[i]! - g) * sine + 2 * cosine * b;
    p = sine * both;
    d[i + 1] = g + p;
    g = cosine * both - b;
  }
  d[l]! -= p;
  e[l] = g;
  e[m] = 0;
}
