import { TesseraError } from '@tessera/errors';

/** Sides of the token maps of published VAR models, by image size in pixels. */
export const patchNumsOf: Readonly<Record<256 | 512 | 1024, readonly number[]>> = {
  256: [1, 2, 3, 4, 5, 6, 8, 10, 13, 16],
  512: [1, 2, 3, 4, 6, 9, 13, 18, 24, 32],
  1024: [1, 2, 3, 4, 5, 7, 9, 12, 16, 21, 27, 36, 48, 64],
};

/** What the shapes of a checkpoint tell about its scales. */
export interface ScaleCounts {
  /** Tokens of all scales. */
  readonly length: number;
  readonly scales: number;
  /** Tokens of the first scale. */
  readonly first: number;
}

export function tokensOf(patchNums: readonly number[]): number {
  return patchNums.reduce((sum, side) => sum + side * side, 0);
}

/**
 * The sides of the token maps: those of a published model, or else the only growing ones that give these counts.
 * @throws TesseraError patch-nums-ambiguous, patch-nums-impossible
 */
export function inferPatchNums(counts: ScaleCounts, who: string): readonly number[] {
  const { length, scales, first } = counts;
  const published = Object.values(patchNumsOf).find(
    (sides) => sides.length === scales && tokensOf(sides) === length && sides[0]! ** 2 === first,
  );
  if (published) return published;
  const [only, another] = growingSides(counts, 2);
  if (only && !another) return only;
  throw new TesseraError({
    code: only ? 'patch-nums-ambiguous' : 'patch-nums-impossible',
    who,
    got: `${length} tokens in ${scales} scales, of which the first has ${first}`,
    expected: only ? 'counts that only one list of sides gives' : 'counts that some growing list of sides gives',
    next: only ? `State patchNums: ${only.join(' ')}, ${another!.join(' ')}, ...` : 'State patchNums.',
  });
}

/** Growing lists of sides with these counts, at most `most` of them. */
function growingSides({ length, scales, first }: ScaleCounts, most: number): number[][] {
  const start = Math.sqrt(first);
  const found: number[][] = [];
  const extend = (sides: readonly number[], left: number): void => {
    const missing = scales - sides.length;
    if (missing === 0) {
      if (left === 0) found.push([...sides]);
      return;
    }
    // The remaining sides are at least this large each, which bounds the next one.
    for (let side = sides.at(-1)! + 1; missing * side * side <= left && found.length < most; side++) {
      extend([...sides, side], left - side * side);
    }
  };
  if (Number.isInteger(start)) extend([start], length - first);
  return found;
}
