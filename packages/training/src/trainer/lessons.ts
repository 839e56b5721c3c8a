import type { Backbone, Head, Tokenizer } from '@tessera/core';
import { keyedRng, tensorFrom } from '@tessera/engine';
import { TesseraError } from '@tessera/errors';
import { maskedLoss, type MaskedBatch } from '../loss/masked-loss.ts';
import { nextScaleLoss, type TokenBatch } from '../loss/next-scale-loss.ts';
import { maskingDefaults } from '../recipe/masking.ts';
import type { GeneratorRecipe } from '../recipe/recipe.ts';
import { cutBounds, knownTokens } from '../schedule/cuts.ts';
import { maskRate } from '../schedule/mask-rate.ts';
import { progressiveWeights } from '../schedule/progressive.ts';
import type { Batch, Stage } from './stage.ts';

/** Which lesson: the optimiser step, the number of the batch among all, and how many images it has. */
export interface LessonKey {
  readonly step: number;
  readonly number: number;
  readonly images: number;
}

/** How a backbone is taught: what a batch holds besides encodings and labels, and the loss. */
export interface Lessons {
  readonly loss: Stage['spec']['loss'];
  plan(key: LessonKey): Batch;
  /** How many forms its batches have: each is compiled into a program of its own. */
  readonly programs: number;
  /** Names of the loss's figures. */
  readonly figures: readonly string[];
}

export interface LessonOptions {
  readonly parts: { readonly tokenizer: Tokenizer; readonly backbone: Backbone; readonly head: Head };
  readonly recipe: GeneratorRecipe;
  readonly seed: number;
}

/**
 * Lessons follow from what the backbone reads.
 * @throws TesseraError `recipe-misfit` where the recipe plans what such a backbone cannot learn
 */
export function lessonsOf(options: LessonOptions): Lessons {
  const { reads } = options.parts.backbone;
  const { progressive, masking } = options.recipe;
  if (reads === 'estimate' && !masking) return scaleLessons(options);
  if (reads === 'known' && !progressive) return maskedLessons(options);
  const field = masking ? 'masking' : 'progressive';
  throw new TesseraError({
    code: 'recipe-misfit',
    who: 'training',
    got:
      masking || progressive
        ? `generator.${field} for a backbone that reads '${reads}'`
        : `a backbone that reads '${reads}'`,
    expected: "generator.progressive only where it reads 'estimate', generator.masking only where it reads 'known'",
    next: 'Correct the recipe, or exchange the backbone.',
  });
}

/** Every scale from the estimate of the coarser ones; a progressive plan begins with the coarse ones. */
function scaleLessons({ parts, recipe }: LessonOptions): Lessons {
  const loss = nextScaleLoss(parts, { labelDrop: recipe.labelDrop });
  const sizes = parts.tokenizer.layout.scales.map(({ height, width }) => height * width);
  const plan = recipe.progressive;
  const { warmup } = recipe.optimiser.learningRate;
  const progressive = plan && { ...plan, warmup, steps: recipe.steps, scales: sizes.length };
  return {
    loss: (batch, rng) => loss(batch as unknown as TokenBatch, rng),
    plan({ step }) {
      const weights = progressiveWeights(step, { progressive, fade: plan?.fade ?? 0, sizes });
      return { weight_L: tensorFrom(weights, [weights.length]) };
    },
    programs: 1,
    figures: ['scale_S'],
  };
}

/** A random order for every image, and one cut through all of them. */
function maskedLessons({ parts, recipe, seed }: LessonOptions): Lessons {
  const { length } = parts.tokenizer.layout;
  const masking = recipe.masking ?? maskingDefaults;
  const cuts = cutBounds(length, masking);
  const rates = { least: masking.leastRate, deviation: masking.deviation };
  const loss = maskedLoss(parts, { labelDrop: recipe.labelDrop, cuts });
  return {
    loss: (batch, rng) => loss(batch as unknown as MaskedBatch, rng),
    plan({ number, images }) {
      const known = knownTokens(length, maskRate(rates, { seed, number }));
      const { least } = cuts.find(({ most }) => known <= most)!;
      const weights = Float32Array.from({ length: length - least }, (_, i) =>
        least + i < known ? 0 : 1 / (length - known),
      );
      const { order_BL, rank_BL } = randomOrders(length, { images, seed, number });
      return {
        order_BL: tensorFrom(order_BL, [images, length], 'int32'),
        rank_BL: tensorFrom(rank_BL, [images, length], 'int32'),
        known: tensorFrom(Int32Array.of(known), [], 'int32'),
        weight_l: tensorFrom(weights, [weights.length]),
      };
    },
    programs: cuts.length,
    figures: ['hidden'],
  };
}

/** A permutation for every image of batch `number`, and its inverse. */
function randomOrders(length: number, key: { images: number; seed: number; number: number }) {
  const { images, seed, number } = key;
  const rng = keyedRng([seed]);
  const order_BL = new Int32Array(images * length);
  const rank_BL = new Int32Array(images * length);
  for (let image = 0; image < images; image++) {
    const draw = rng.uniform({ row: 0, stream: 'lesson-order', step: number, position: image }, length);
    const order = Int32Array.from(draw.keys()).sort((a, b) => draw[a]! - draw[b]! || a - b);
    order_BL.set(order, image * length);
    for (const [rank, position] of order.entries()) rank_BL[image * length + position] = rank;
  }
  return { order_BL, rank_BL };
}
