/** The largest distance between two lists of numbers; infinite where their lengths or NaN differ. */
export function distance(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) return Infinity;
  let most = 0;
  for (let i = 0; i < a.length; i++) {
    const far = Math.abs(a[i]! - b[i]!);
    if (!Number.isFinite(far)) return Infinity;
    most = Math.max(most, far);
  }
  return most;
}

/** The largest number of a list, without its sign. */
export const largest = (values: ArrayLike<number>): number =>
  Array.from(values).reduce((most, value) => Math.max(most, Math.abs(value)), 0);

/** Programs of other shapes compute sums in another order: up to this, relative to the largest number, is rounding. */
const ROUNDING = 1e-3;

/** What is wrong with two lists of numbers that should be the same but for rounding; null where nothing is. */
export function apart(what: string, a: ArrayLike<number>, b: ArrayLike<number>): string | null {
  const far = distance(a, b);
  return far <= ROUNDING * Math.max(1, largest(a)) ? null : `${what} that are ${far.toPrecision(2)} apart`;
}

/** The same of numbers that the same program must compute again: every bit counts. */
export function unequal(what: string, a: ArrayLike<number>, b: ArrayLike<number>): string | null {
  const same = a.length === b.length && Array.from(a).every((value, i) => Object.is(value, b[i]));
  return same ? null : `${what} that are ${distance(a, b).toPrecision(2)} apart`;
}

/** Root of the mean square. */
export function rootMeanSquare(values: ArrayLike<number>): number {
  return Math.sqrt(Array.from(values).reduce((sum, value) => sum + value * value, 0) / values.length);
}

/** Numbers laid out as [rows, places, features]: what chance added to tokens that are otherwise the same. */
export interface Residuals {
  readonly values: Float32Array;
  readonly rows: number;
  readonly places: number;
  readonly features: number;
}

/**
 * Products of independent residuals average to 0; over n of them, as a share of their size, they stray by 1 / sqrt(n).
 * Six such deviations are passed by chance less than once in 10^8 comparisons (Bernstein's inequality, of products of
 * normal numbers too), of which a case makes some twenty. The rest is for what a hardly trained part shares.
 */
const DEVIATIONS = 6;
const SLACK = 0.1;

/** What rows share, or null. */
export function sharedByRows(residuals: Residuals): string | null {
  const { rows } = residuals;
  for (const lag of [1, 2, Math.floor(rows / 2)].filter((one) => one > 0 && one < rows)) {
    const found = alike(residuals, residuals, (row, place) => [(row + lag) % rows, place]);
    if (found !== null) return `rows whose random numbers are ${found} alike`;
  }
  return null;
}

/** What places of a row share, or null. */
export function sharedByPlaces(residuals: Residuals): string | null {
  const { places } = residuals;
  for (let lag = 1; lag < places; lag++) {
    const found = alike(residuals, residuals, (row, place) => [row, (place + lag) % places]);
    if (found !== null) return `positions whose random numbers are ${found} alike`;
  }
  return null;
}

/** What the same rows and places of two draws share, or null. */
export function sharedBetween(a: Residuals, b: Residuals): string | null {
  return alike(a, b, (row, place) => [row, place]);
}

/** What the numbers of one token share among themselves, or null. */
export function sharedWithin({ values, rows, places, features }: Residuals): string | null {
  for (let lag = 1; lag < features; lag++) {
    const moved = values.map((_, i) => values[i - (i % features) + ((i + lag) % features)]!);
    const share = cosine(values, moved);
    if (Math.abs(share) > limitOf(rows * places)) return percent(share);
  }
  return null;
}

type Move = (row: number, place: number) => readonly [number, number];

function alike(a: Residuals, b: Residuals, move: Move): string | null {
  const { rows, places, features } = a;
  const moved = new Float32Array(a.values.length);
  for (let row = 0; row < rows; row++) {
    for (let place = 0; place < places; place++) {
      const [toRow, toPlace] = move(row, place);
      const from = (toRow * places + toPlace) * features;
      moved.set(b.values.subarray(from, from + features), (row * places + place) * features);
    }
  }
  const share = cosine(a.values, moved);
  return Math.abs(share) > limitOf(rows * places) ? percent(share) : null;
}

const limitOf = (count: number): number => DEVIATIONS / Math.sqrt(count) + SLACK;

function cosine(a: Float32Array, b: Float32Array): number {
  let [both, first, second] = [0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    both += a[i]! * b[i]!;
    first += a[i]! ** 2;
    second += b[i]! ** 2;
  }
  return first === 0 || second === 0 ? 0 : both / Math.sqrt(first * second);
}

const percent = (share: number): string => `${Math.round(100 * share)}%`;
