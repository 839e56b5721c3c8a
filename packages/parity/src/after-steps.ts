import type { CaseFile } from './case-file.ts';
import { largestMagnitude, type Tolerance } from './tolerance.ts';
import type { TrainingPlan } from './training-plan.ts';
import { learningRate } from '@tessera/training';

/** Below this share of a tensor's largest gradient, rounding decides what AdamW makes of an element. */
const NEGLIGIBLE = 2e-4;

/**
 * Tolerance of parameters after several AdamW steps: 2e-5, but where the gradient is next to nothing the normalised update
 * may differ by as much as the learning rate of each step.
 */
export function afterSteps(file: CaseFile, name: string, plan: TrainingPlan): (index: number) => Tolerance {
  const strict: Tolerance = { absolute: 2e-5, relative: 1e-6 };
  const first = file.tensors.get(`grad.${name}`);
  if (!first) return () => strict;
  const rates = Array.from({ length: plan.steps }, (_, it) => learningRate(it, plan.learningRate));
  const loose: Tolerance = { absolute: rates.reduce((sum, rate) => sum + rate, 2e-5), relative: 1e-6 };
  const least = NEGLIGIBLE * largestMagnitude(first.data);
  return (index) => (Math.abs(first.data[index]!) < least ? loose : strict);
}
