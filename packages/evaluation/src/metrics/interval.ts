/** A figure with its uncertainty: the true value lies within `mean` plus or minus `half` in 95 of 100 cases. */
export interface Interval {
  readonly mean: number;
  /** Null where one value alone says nothing about it. */
  readonly half: number | null;
}

/** Quantiles of Student's distribution for 95%, two-sided, by degrees of freedom from 1. */
const STUDENT = [
  12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.16, 2.145, 2.131, 2.12, 2.11,
  2.101, 2.093, 2.086, 2.08, 2.074, 2.069, 2.064, 2.06, 2.056, 2.052, 2.048, 2.045, 2.042,
];

function student(freedom: number): number {
  return STUDENT[freedom - 1] ?? 1.96;
}

/** The interval of a mean of independent values, as those of several seeds, by Student's distribution. */
export function intervalOf(values: readonly number[]): Interval {
  const mean = meanOf(values);
  if (values.length < 2) return { mean, half: null };
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1);
  return { mean, half: student(values.length - 1) * Math.sqrt(variance / values.length) };
}

/**
 * The interval of a figure of one set of images, from the same figure without each of some equal parts of the set: the grouped
 * jackknife (Efron and Tibshirani 1993, chapter 11). Unlike a bootstrap it never sees an image twice, which would
 * shrink every distance to a nearest neighbour.
 */
export function jackknifeInterval(value: number, withoutPart: readonly number[]): Interval {
  const parts = withoutPart.length;
  const mean = meanOf(withoutPart);
  const squares = withoutPart.reduce((sum, other) => sum + (other - mean) ** 2, 0);
  return { mean: value, half: student(parts - 1) * Math.sqrt(((parts - 1) / parts) * squares) };
}

function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
