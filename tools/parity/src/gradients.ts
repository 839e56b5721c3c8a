import type { Tensor } from '@tensorflow/tfjs';
import type { TrainResult, TrainStep } from '@tessera/engine';
import { namesAfter, tensorOf, type CaseFile } from './case-file.ts';
import type { Checks } from './checks.ts';
import type { Computed } from './comparison.ts';
import { gradient, largestMagnitude, type GradientPath } from './tolerance.ts';

/** One backward pass through a compiled training step. */
export interface Gradients extends TrainResult {
  gradientOf(name: string): Computed;
}

/** After a step from zero that clips nothing, the first moment is the gradient times 1 - beta1. */
export async function gradientsOf(
  step: TrainStep,
  batch: Readonly<Record<string, Tensor>>,
  beta1: number,
): Promise<Gradients> {
  const result = await step.run([batch], { learningRate: 0, weightDecay: 0, emaDecay: 0, key: 0 });
  const state = await step.state();
  const share = 1 - beta1;
  return {
    ...result,
    gradientOf(name) {
      const { data, shape } = state.get(`m.${name}`)!;
      return { data: data.map((value) => value / share), shape };
    },
  };
}

/** What is smaller than this share of a file's largest gradient is rounding: the biases of keys, which softmax cancels. */
const NOTHING = 1e-8;

/** Compares every `grad.*` of a file with the gradient of that name. */
export function checkGradients(
  { file, checks }: { readonly file: CaseFile; readonly checks: Checks },
  { gradientOf }: Pick<Gradients, 'gradientOf'>,
  through: GradientPath,
): void {
  const names = namesAfter(file, 'grad.');
  const largest = Math.max(...names.map((name) => largestMagnitude(tensorOf(file, `grad.${name}`).data)));
  for (const name of names) {
    const { absolute, relative } = gradient(tensorOf(file, `grad.${name}`).data, through);
    checks.check(`grad.${name}`, gradientOf(name), { absolute: absolute + NOTHING * largest, relative });
  }
}
