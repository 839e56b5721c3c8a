import { tensorFrom } from '@tessera/engine';
import { nextScaleLoss, type ScaleBatch } from '../loss/next-scale-loss.ts';
import { progressiveWeights } from '../schedule/progressive.ts';
import type { LessonOptions, Lessons } from './lesson-plan.ts';

/** Every scale from the estimate of the coarser ones; a progressive plan begins with the coarse ones. */
export function scaleLessons({ parts, recipe }: LessonOptions): Lessons {
  const loss = nextScaleLoss(parts, { labelDrop: recipe.labelDrop });
  const sizes = parts.tokenizer.layout.scales.map(({ height, width }) => height * width);
  const plan = recipe.progressive;
  const { warmup } = recipe.optimiser.learningRate;
  const progressive = plan && { ...plan, warmup, steps: recipe.steps, scales: sizes.length };
  return {
    loss: (batch, rng) => loss(batch as unknown as ScaleBatch, rng),
    plan({ step }) {
      const weights = progressiveWeights(step, { progressive, fade: plan?.fade ?? 0, sizes });
      return { weight_L: tensorFrom(weights, [weights.length]) };
    },
    programs: 1,
    figures: ['scale_S'],
  };
}
