import { causalLoss, type CausalBatch } from '../loss/causal-loss.ts';
import { lessonOrders } from './lesson-orders.ts';
import type { LessonOptions, Lessons } from './lesson-plan.ts';

/** Every token from those before it, as the order visits them. */
export function causalLessons({ parts, recipe, seed }: LessonOptions): Lessons {
  const loss = causalLoss(parts, { labelDrop: recipe.labelDrop });
  return {
    loss: (batch, rng) => loss(batch as unknown as CausalBatch, rng),
    plan: (key) => lessonOrders(parts, { ...key, seed }),
    programs: 1,
    figures: [],
  };
}
