/** Rows that are multiplied with one row at a time. */
const AT_ONCE = 4;
/** Rows that stay in the cache while they are multiplied with every other row. */
const BLOCK = 64;

/** A row-major matrix. */
export interface Rows {
  readonly values: Float64Array;
  /** Number of columns. */
  readonly columns: number;
}

/** Which products `addRowProducts` computes. Left out: all. */
interface Ranges {
  /** Row i is multiplied with these rows of the other matrix: the first, and the one after the last. */
  readonly rows?: (row: number) => readonly [first: number, end: number];
  /** Products of row i begin at this column; the entries before it are zeros of row i. */
  readonly firstColumn?: (row: number) => number;
}

/**
 * Adds to `out[i, j]` the product of row i of `a` and row j of `b`, which have equally many columns: `out += a b^T`. Rows are
 * contiguous, so it runs at about the speed of scalar multiplications.
 */
export function addRowProducts(out: Rows, [a, b]: readonly [Rows, Rows], ranges: Ranges = {}): void {
  const { columns } = a;
  const [countA, countB] = [a.values.length / columns, b.values.length / columns];
  const { rows = () => [0, countB] as const, firstColumn = () => 0 } = ranges;
  for (let block = 0; block < countB; block += BLOCK) {
    for (let i = 0; i < countA; i++) {
      const from = firstColumn(i);
      const [at, length] = [i * columns + from, columns - from];
      const [first, last] = rows(i);
      const end = Math.min(block + BLOCK, last);
      let j = Math.max(block, first);
      for (; j + AT_ONCE <= end; j += AT_ONCE) {
        addFour(out.values, i * out.columns + j, {
          a: a.values,
          at,
          b: b.values,
          first: j * columns + from,
          columns,
          length,
        });
      }
      for (; j < end; j++) {
        out.values[i * out.columns + j]! += product(a.values.subarray(at, at + length), b.values, j * columns + from);
      }
    }
  }
}

interface Four {
  readonly a: Float64Array;
  readonly at: number;
  readonly b: Float64Array;
  /** Where the first of four rows begins. */
  readonly first: number;
  readonly columns: number;
  readonly length: number;
}

/** Four sums at once: the processor does not wait for each addition. */
function addFour(out: Float64Array, to: number, { a, at, b, first, columns, length }: Four): void {
  const [second, third, fourth] = [first + columns, first + 2 * columns, first + 3 * columns];
  let [p, q, r, s] = [0, 0, 0, 0];
  for (let k = 0; k < length; k++) {
    const value = a[at + k]!;
    p += value * b[first + k]!;
    q += value * b[second + k]!;
    r += value * b[third + k]!;
    s += value * b[fourth + k]!;
  }
  out[to]! += p;
  out[to + 1]! += q;
  out[to + 2]! += r;
  out[to + 3]! += s;
}

/** The product of a row and the entries of `b` that begin at `at`. */
export function product(row: Float64Array, b: Float64Array, at: number): number {
  let sum = 0;
  for (let k = 0; k < row.length; k++) sum += row[k]! * b[at + k]!;
  return sum;
}
