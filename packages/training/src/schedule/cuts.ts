/** How many tokens one compiled program may take as known: from `least` to `most`. */
export interface CutBounds {
  readonly least: number;
  readonly most: number;
}

/** Known tokens where this share of all is hidden: hidden ones are rounded up, as the reference does, and at least one. */
export function knownTokens(length: number, rate: number): number {
  return length - Math.max(1, Math.ceil(length * rate));
}

/** The counts of known tokens that can occur where at least this share is hidden, ascending. */
export function countsOf(length: number, leastRate: number): readonly number[] {
  return Array.from({ length: knownTokens(length, leastRate) + 1 }, (_, known) => known);
}

/**
 * Counts of known tokens, ascending, in `programs` stretches of about equally many. Few programs compute for tokens that
 * are hidden or known already; many take long to compile and much memory. Measured on digits of 16 tokens, with 1, 2, 4 and
 * 8 programs: 0.45, 0.42, 0.42 and 0.39 seconds of one core a step, and 1.0, 1.3, 1.9 and 3.3 GB.
 */
export function cutBounds(counts: readonly number[], programs: number): readonly CutBounds[] {
  const stretches = Math.min(programs, counts.length);
  const start = (stretch: number): number => Math.floor((stretch * counts.length) / stretches);
  return Array.from({ length: stretches }, (_, stretch) => ({
    least: counts[start(stretch)]!,
    most: counts[start(stretch + 1) - 1]!,
  }));
}
