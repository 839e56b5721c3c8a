import type { Frame } from './frame.ts';

/* A mask in few words: how many pixels in a row stay, then how many are redrawn, and so on. */

export interface Runs {
  /** In pixels. */
  readonly width: number;
  readonly height: number;
  /** Row by row; the first are kept ones, and may be none. */
  readonly runs: readonly number[];
}

/** `mask` has 1 where it is redrawn. */
export function toRuns(mask: Uint8Array, { width, height }: Pick<Frame, 'width' | 'height'>): Runs {
  const runs = [0];
  let before = 0;
  for (const one of mask) {
    if (one === before) runs[runs.length - 1]!++;
    else runs.push(1);
    before = one;
  }
  return { width, height, runs };
}

/** The mask in a frame of any size: each of its pixels is what lies under its middle. */
export function fromRuns({ width, height, runs }: Runs, frame: Pick<Frame, 'width' | 'height'>): Uint8Array {
  const own = new Uint8Array(width * height);
  let at = 0;
  for (const [index, length] of runs.entries()) {
    own.fill(index % 2, at, at + length);
    at += length;
  }
  return Uint8Array.from({ length: frame.width * frame.height }, (_, pixel) => {
    const x = Math.floor((((pixel % frame.width) + 0.5) * width) / frame.width);
    const y = Math.floor(((Math.floor(pixel / frame.width) + 0.5) * height) / frame.height);
    return own[y * width + x]!;
  });
}

/** Larger masks than any model has are refused before room is made for them. */
const MOST_SIDE = 4096;

/** Null where these are none that `toRuns` would write. */
export function readRuns(value: unknown): Runs | null {
  if (typeof value !== 'object' || value === null) return null;
  const { width, height, runs } = value as Partial<Record<keyof Runs, unknown>>;
  if (!isSide(width) || !isSide(height) || !Array.isArray(runs)) return null;
  const isRun = (one: unknown): one is number => Number.isSafeInteger(one) && (one as number) >= 0;
  const sum = runs.every(isRun) ? (runs as number[]).reduce((all, one) => all + one, 0) : -1;
  return sum === width * height ? { width, height, runs: runs as number[] } : null;
}

function isSide(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) > 0 && (value as number) <= MOST_SIDE;
}
