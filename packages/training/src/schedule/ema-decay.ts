/**
 * Decay of the moving average at step `it`: `min(decay, (1 + it) / (10 + it))`. Without this warm-up an average of
 * 0.9999 is made of the random start for thousands of steps.
 */
export function emaDecay(it: number, decay: number): number {
  return Math.min(decay, (1 + it) / (10 + it));
}
