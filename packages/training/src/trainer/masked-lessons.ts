import { keyedRng, tensorFrom } from '@tessera/engine';
import { TesseraError } from '@tessera/errors';
import { maskedLoss, type MaskedBatch } from '../loss/masked-loss.ts';
import { maskingDefaults, type MaskingRecipe } from '../recipe/masking.ts';
import { countsOf, cutBounds, knownTokens } from '../schedule/cuts.ts';
import { maskRate } from '../schedule/mask-rate.ts';
import { lessonOrders } from './lesson-orders.ts';
import type { LessonOptions, Lessons } from './lesson-plan.ts';

/** One cut through all images of a batch, where a step of the order may begin: the tokens behind it are learnt. */
export function maskedLessons({ parts, recipe, seed }: LessonOptions): Lessons {
  const { layout } = parts.tokenizer;
  const { length } = layout;
  const stops = parts.order.stops(layout);
  if (stops && recipe.masking) throw maskedStops(stops);
  const masking = recipe.masking ?? maskingDefaults;
  const cuts = cutBounds(stops ?? countsOf(length, masking.leastRate), masking.programs);
  const draw = stops ? stopCut(stops, seed) : rateCut(length, masking, seed);
  const loss = maskedLoss(parts, { labelDrop: recipe.labelDrop, cuts });
  return {
    loss: (batch, rng) => loss(batch as unknown as MaskedBatch, rng),
    plan({ number, images }) {
      const known = draw(number);
      const { least } = cuts.find(({ most }) => known <= most)!;
      const weights = Float32Array.from({ length: length - least }, (_, i) =>
        least + i < known ? 0 : 1 / (length - known),
      );
      return {
        ...lessonOrders(parts, { images, number, seed }),
        known: tensorFrom(Int32Array.of(known), [], 'int32'),
        weight_l: tensorFrom(weights, [weights.length]),
      };
    },
    programs: cuts.length,
    figures: ['hidden'],
  };
}

/** Known tokens of a batch, by its number. */
type CutDraw = (number: number) => number;

function rateCut(length: number, { leastRate, deviation }: MaskingRecipe, seed: number): CutDraw {
  return (number) => knownTokens(length, maskRate({ least: leastRate, deviation }, { seed, number }));
}

/** Each as often as the others. Random stream: `lesson-stop`, a uniform a batch. */
function stopCut(stops: readonly number[], seed: number): CutDraw {
  const rng = keyedRng([seed]);
  return (number) => {
    const [draw] = rng.uniform({ row: 0, stream: 'lesson-stop', step: number, position: 0 }, 1);
    return stops[Math.floor(draw! * stops.length)]!;
  };
}

function maskedStops(stops: readonly number[]): TesseraError {
  return new TesseraError({
    code: 'recipe-misfit',
    who: 'training',
    got: `generator.masking for an order whose steps begin after ${stops.join(', ')} tokens`,
    expected: 'generator.masking only where a step may begin after any number',
    next: 'Remove generator.masking, or exchange the order.',
  });
}
