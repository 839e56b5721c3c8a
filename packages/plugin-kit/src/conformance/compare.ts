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
