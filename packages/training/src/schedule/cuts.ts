/** How many tokens one compiled program may take as known: from `least` to `most`. */
export interface CutBounds {
  readonly least: number;
  readonly most: number;
}

/** Known tokens where this share of all is hidden: hidden ones are rounded up, as the reference does. */
export function knownTokens(length: number, rate: number): number {
  return length - Math.ceil(length * rate);
}

/**
 * The counts that can occur, in `programs` stretches of about equal length. Few programs compute for tokens that are
 * hidden or known already; many take long to compile and much memory.
 */
export function cutBounds(length: number, options: { leastRate: number; programs: number }): readonly CutBounds[] {
  const counts = knownTokens(length, options.leastRate) + 1;
  const programs = Math.min(options.programs, counts);
  const start = (program: number): number => Math.floor((program * counts) / programs);
  return Array.from({ length: programs }, (_, program) => ({ least: start(program), most: start(program + 1) - 1 }));
}
