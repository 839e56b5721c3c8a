import type { WritableTensor } from '@tessera/checkpoints';
import { TesseraError } from '@tessera/errors';

/** Sides of the token maps of published VAR models, by image size in pixels. */
export const patchNumsOf: Readonly<Record<256 | 512 | 1024, readonly number[]>> = {
  256: [1, 2, 3, 4, 5, 6, 8, 10, 13, 16],
  512: [1, 2, 3, 4, 6, 9, 13, 18, 24, 32],
  1024: [1, 2, 3, 4, 5, 7, 9, 12, 16, 21, 27, 36, 48, 64],
};

/** What the shapes of a checkpoint show of its scales. */
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

/** The sides found; `certain` if no other list has the same counts. */
interface InferredSides {
  readonly sides: readonly number[];
  readonly certain: boolean;
}

/**
 * The sides of the token maps: the only non-decreasing ones that give these counts, else those of a published model.
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
    expected: only ? 'counts that fit only one list of sides' : 'counts that fit some list of sides',
    next: only
      ? `State the sides (--patch-nums): ${only.join(',')} or ${another!.join(',')} or others.`
      : 'State the sides (--patch-nums).',
  });
}

/** Non-decreasing lists of sides with these counts, at most `most` of them. */
function sidesThatFit({ length, scales, first }: ScaleCounts, most: number): number[][] {
  const start = Math.sqrt(first);
  const found: number[][] = [];
  /** States without a solution: number of scales left, least next side, tokens left. */
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
    // Each remaining side is at least as large, which limits the next one.
    for (let side = sides.at(-1)!; missing * side * side <= left && found.length < most; side++) {
      extend([...sides, side], left - side * side);
    }
    if (found.length === before) dead.add(state);
  };
  if (Number.isInteger(start) && start > 0) extend([start], length - first);
  return found;
}

/** Tensors of an official transformer that follow from its configuration; Tessera's files leave them out. */
export function isDerived(name: string): boolean {
  return name === 'lvl_1L' || name === 'attn_bias_for_masking' || name.endsWith('.attn.zero_k_bias');
}

interface DerivedFrom {
  readonly depth: number;
  readonly width: number;
  readonly patchNums: readonly number[];
  readonly dtype: 'float32' | 'float16';
}

/** Makes those tensors again: biases of keys (zero), the scale of each position, and a mask that hides later scales. */
export function derivedTensors({ depth, width, patchNums, dtype }: DerivedFrom): WritableTensor[] {
  const levels = patchNums.flatMap((side, level) => new Array<number>(side * side).fill(level));
  const length = levels.length;
  const size = dtype === 'float32' ? 4 : 2;
  const biases = Array.from({ length: depth }, (_, block) => ({
    name: `blocks.${block}.attn.zero_k_bias`,
    dtype,
    shape: [width],
    bytes: () => new Uint8Array(width * size),
  }));
  return [
    ...biases,
    {
      name: 'lvl_1L',
      dtype: 'int64',
      shape: [1, length],
      bytes: () => new Uint8Array(BigInt64Array.from(levels, BigInt).buffer),
    },
    {
      name: 'attn_bias_for_masking',
      dtype,
      shape: [1, 1, length, length],
      bytes: () => maskBytes(levels, dtype),
    },
  ];
}

/** 0 where a query sees a key, -infinity elsewhere. */
function maskBytes(levels: readonly number[], dtype: DerivedFrom['dtype']): Uint8Array {
  const length = levels.length;
  const hidden = dtype === 'float32' ? 0xff800000 : 0xfc00;
  const bits = dtype === 'float32' ? new Uint32Array(length * length) : new Uint16Array(length * length);
  for (let query = 0; query < length; query++) {
    for (let key = 0; key < length; key++) if (levels[query]! < levels[key]!) bits[query * length + key] = hidden;
  }
  return new Uint8Array(bits.buffer);
}

/** The sides that `lvl_1L` lists: the index of each scale occurs once per token. Null if the scales are not square. */
export function patchNumsOfLevels(levels: Float64Array): readonly number[] | null {
  const counts: number[] = [];
  let last = 0;
  for (const level of levels) {
    if (level !== last && level !== last + 1) return null;
    counts[level] = (counts[level] ?? 0) + 1;
    last = level;
  }
  const sides = Array.from(counts, (count) => Math.sqrt(count ?? 0));
  return sides.length > 0 && sides.every((side) => side > 0 && Number.isInteger(side)) ? sides : null;
}
