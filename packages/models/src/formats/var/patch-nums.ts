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

/** Sides that were found, and whether other lists have the same counts. */
export interface InferredSides {
  readonly sides: readonly number[];
  readonly certain: boolean;
}

/**
 * The sides of the token maps: the only ones that give these counts without shrinking from scale to scale, or else those
 * of a published model.
 * @throws TesseraError patch-nums-ambiguous, patch-nums-impossible
 */
export function inferSides(counts: ScaleCounts, who: string): InferredSides {
  const { length, scales, first } = counts;
  const [only, another] = sidesThatFit(counts, 2);
  if (only && !another) return { sides: only, certain: true };
  const published = Object.values(patchNumsOf).find(
    (sides) => sides.length === scales && tokensOf(sides) === length && sides[0]! ** 2 === first,
  );
  if (published) return { sides: published, certain: false };
  throw new TesseraError({
    code: only ? 'patch-nums-ambiguous' : 'patch-nums-impossible',
    who,
    got: `${length} tokens in ${scales} scales, of which the first has ${first}`,
    expected: only ? 'counts that only one list of sides gives' : 'counts that some list of sides gives',
    next: only
      ? `State the sides (--patch-nums): ${only.join(',')} or ${another!.join(',')} or others.`
      : 'State the sides (--patch-nums).',
  });
}

/** Lists of sides with these counts that never shrink, at most `most` of them. */
function sidesThatFit({ length, scales, first }: ScaleCounts, most: number): number[][] {
  const start = Math.sqrt(first);
  const found: number[][] = [];
  /** What led nowhere: scales that were left, the least next side, tokens that were left. */
  const dead = new Set<string>();
  const extend = (sides: readonly number[], left: number): void => {
    const missing = scales - sides.length;
    if (missing === 0) {
      if (left === 0) found.push([...sides]);
      return;
    }
    const state = `${missing} ${sides.at(-1)!} ${left}`;
    if (dead.has(state)) return;
    const before = found.length;
    // The remaining sides are at least this large each, which bounds the next one.
    for (let side = sides.at(-1)!; missing * side * side <= left && found.length < most; side++) {
      extend([...sides, side], left - side * side);
    }
    if (found.length === before) dead.add(state);
  };
  if (Number.isInteger(start) && start > 0) extend([start], length - first);
  return found;
}
