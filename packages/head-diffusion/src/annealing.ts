import type { Step } from '@tessera/core';

/** How long the chain is at the first step of the order, and at the last; `lateSteps` 0 leaves all of them as long. */
export interface Annealing {
  readonly steps: number;
  readonly lateSteps: number;
}

/**
 * Denoising steps at a step of the order (DiSA, Zhao et al. 2025, arXiv 2505.20297, the linear schedule): late tokens have
 * so much to go by that few steps place them. Depends on the step's place alone, so that images stay independent of
 * their batch.
 */
export function annealedSteps({ steps, lateSteps }: Annealing, { index, of }: Pick<Step, 'index' | 'of'>): number {
  if (lateSteps === 0) return steps;
  return Math.round(steps + ((lateSteps - steps) * index) / Math.max(1, of - 1));
}

/** `count` places of a chain of `steps`, 2 at least, or all: ascending, evenly spread, the first and the last among them. */
export function evenPlaces(steps: number, count: number): Int32Array {
  const stride = (i: number): number => Math.round((i * (steps - 1)) / (count - 1));
  return Int32Array.from({ length: count }, (_, i) => (count === steps ? i : stride(i)));
}
