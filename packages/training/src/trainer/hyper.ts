import type { TrainHyper } from '@tessera/engine';
import type { TrainingRecipe } from '../recipe/optimiser.ts';
import { emaDecay } from '../schedule/ema-decay.ts';
import { learningRate } from '../schedule/learning-rate.ts';
import { weightDecay } from '../schedule/weight-decay.ts';

/** What the optimiser does at each step, from the recipe's schedules. Seeds up to 2^20 give keys of their own. */
export function hyperOf({ steps, optimiser }: TrainingRecipe, seed: number): (step: number) => TrainHyper {
  return (step) => ({
    learningRate: learningRate(step, { ...optimiser.learningRate, steps }),
    weightDecay: weightDecay(step, { ...optimiser.weightDecay, steps }),
    emaDecay: emaDecay(step, optimiser.ema),
    key: (seed % 2 ** 20) * 2 ** 32 + step,
  });
}

/** The parts of a train step that a recipe decides. */
export function optimiserSpec({ optimiser }: TrainingRecipe) {
  const { betas, eps, clip, ema } = optimiser;
  return { betas: [betas[0]!, betas[1]!] as const, eps, clip: clip > 0 ? clip : null, ema: ema > 0 };
}
