import { largestMagnitude, type Tolerance } from './tolerance.ts';

/** Below this share of a tensor's largest gradient, rounding decides what AdamW makes of an element. */
const NEGLIGIBLE = 2e-4;

/**
 * Tolerance of parameters after AdamW steps of these learning rates: 2e-5, but where the gradient is next to nothing the
 * normalised update may differ by as much as the learning rate of each step. Without a gradient all elements are held to
 * the first.
 */
export function afterSteps(
  gradient: ArrayLike<number> | undefined,
  rates: readonly number[],
): (index: number) => Tolerance {
  const strict: Tolerance = { absolute: 2e-5, relative: 1e-6 };
  if (!gradient) return () => strict;
  const loose: Tolerance = { absolute: rates.reduce((sum, rate) => sum + rate, 2e-5), relative: 1e-6 };
  const least = NEGLIGIBLE * largestMagnitude(gradient);
  return (index) => (Math.abs(gradient[index]!) < least ? loose : strict);
}
