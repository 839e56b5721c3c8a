import { roundHalfEven } from '@tessera/core';

/** Training that begins with the coarse scales (VAR's trainer): which scales count at each step. */
export interface Progressive {
  /** All scales count from this share of the training on. */
  readonly until: number;
  /** Index of the last scale that counts at the start; at least 1. */
  readonly first: number;
  readonly warmup: number;
  readonly steps: number;
  readonly scales: number;
}

/** Index of the finest scale that counts at step `it`. */
export function progressiveStage(it: number, { until, first, warmup, steps, scales }: Progressive): number {
  const last = scales - 1;
  if (it <= warmup) return first;
  if (it >= steps * until) return last;
  const progress = Math.min(1, Math.max(0, (it - warmup) / (steps * until - warmup)));
  return Math.min(last, Math.max(first, first + roundHalfEven(progress * (last - first))));
}

/**
 * Weights of the tokens when scales up to `stage` count: 1/L each, L the length of all scales; `newest` times that at
 * the stage's own scale. Block-causal attention makes a weight of 0 equal to leaving the scale out.
 */
export function tokenWeights(
  sizes: readonly number[],
  { stage, newest }: { readonly stage: number; readonly newest: number },
): Float32Array {
  const length = sizes.reduce((sum, size) => sum + size, 0);
  return Float32Array.from(
    sizes.slice(0, stage + 1).flatMap((size, scale) => {
      const weight = scale === stage ? newest : 1;
      return Array.from({ length: size }, () => weight / length);
    }),
  );
}

/**
 * Weights of the tokens at step `it`. The newest scale fades in over `fade` steps, except in the first stage and once
 * all scales count. Without a progressive plan every token weighs 1/L.
 */
export function progressiveWeights(
  it: number,
  options: { readonly progressive: Progressive | null; readonly fade: number; readonly sizes: readonly number[] },
): Float32Array {
  const { progressive, fade, sizes } = options;
  const last = sizes.length - 1;
  if (!progressive) return tokenWeights(sizes, { stage: last, newest: 1 });
  const stage = progressiveStage(it, progressive);
  const fades = stage > progressive.first && stage < last;
  const newest = fades ? Math.min(1, Math.max(0.01, (it - stageStart(it, progressive)) / Math.max(1, fade))) : 1;
  return tokenWeights(sizes, { stage, newest });
}

/** First step of the stage that step `it` belongs to. */
function stageStart(it: number, progressive: Progressive): number {
  const stage = progressiveStage(it, progressive);
  let start = it;
  while (start > 0 && progressiveStage(start - 1, progressive) === stage) start--;
  return start;
}
