/** How many tokens one compiled program may take as known: from `least` to `most`. */
export interface CutBounds {
  readonly least: number;
  readonly most: number;
}

/** Known tokens where this share of all is hidden: hidden ones are rounded up, as the reference does, and at least one. */
export function knownTokens(length: number, rate: number): number {
  return length - Math.max(1, Math.ceil(length * rate));
}

/**
 * The counts that can occur, in `programs` stretches of about equal length. Few programs compute for tokens that are
 * hidden or known already; many take long to compile and much memory. Measured on digits of 16 tokens, with 1, 2, 4 and 8
 * programs: 0.45, 0.42, 0.42 and 0.39 seconds of one core a step, and 1.0, 1.3, 1.9 and 3.3 GB.
 */
export function cutBounds(length: number, options: { leastRate: number; programs: number }): readonly CutBounds[] {
  const counts = knownTokens(length, options.leastRate) + 1;
  const programs = Math.min(options.programs, counts);
  const start = (program: number): number => Math.floor((program * counts) / programs);
  return Array.from({ length: programs }, (_, program) => ({ least: start(program), most: start(program + 1) - 1 }));
}
