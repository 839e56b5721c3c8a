import { roundHalfEven } from '@tessera/core';
import type { TrainHyper } from '@tessera/engine';
import { TesseraError } from '@tessera/errors';
import { schema, type FieldsType } from '@tessera/schema';

const { object, integer, number, string, list, optional, refine } = schema;
const share = number({ min: 0, max: 1 });
/** A moment that decays by 1 is never moved, and corrected by a division by zero. */
const decay = refine(share, (beta) => (beta < 1 ? null : 'a decay below 1'));
const KNOWN_SHAPES = 'cos, lin, lin0, lin00, exp, or lin with a share as in lin0.4';

/** AdamW and its schedules. */
const optimiser = object({
  learningRate: object({
    /** `cos`, `lin`, `lin0`, `lin00`, `lin0.4` and the like, `exp`: see `learningRate`. */
    shape: refine(string(), (shape) => (isLearningRateShape(shape) ? null : KNOWN_SHAPES)),
    peak: number({ min: 0 }),
    /** Steps. */
    warmup: optional(number({ min: 0 }), 0),
    startFactor: optional(share, 0.005),
    endFactor: optional(share, 0.01),
  }),
  betas: optional(list(decay, { min: 2, max: 2 }), [0.9, 0.95]),
  eps: optional(number({ min: 0 }), 1e-8),
  /** Gradients with a larger norm than this are scaled down to it; 0 for no clipping. */
  clip: optional(number({ min: 0 }), 0),
  weightDecay: optional(object({ start: number({ min: 0 }), end: number({ min: 0 }) }), { start: 0, end: 0 }),
  /** Decay of the moving average of the parameters; 0 for none. */
  ema: optional(share, 0),
});

/** How often something is done, in steps; 0 for never. */
const cadence = integer({ min: 0 });

/** Fields of a recipe that every stage has. */
export const trainingFields = {
  steps: integer({ min: 1 }),
  /** Images. */
  batch: integer({ min: 1 }),
  /** Batches per optimiser step. */
  accumulate: optional(integer({ min: 1 }), 1),
  optimiser,
  every: optional(
    object({
      log: optional(cadence, 10),
      validate: optional(cadence, 100),
      picture: optional(cadence, 500),
      checkpoint: optional(cadence, 200),
    }),
    { log: 10, validate: 100, picture: 500, checkpoint: 200 },
  ),
} as const;

/** Length, batches, optimiser and cadences of one stage. */
export type TrainingRecipe = FieldsType<typeof trainingFields>;

/** How often a stage logs, validates, draws and saves, in steps; 0 for never. */
export type Cadence = TrainingRecipe['every'];

/** The hyperparameters of each step, from the recipe's schedules. Seeds below 2^20 have random keys of their own. */
export function hyperOf({ steps, optimiser }: TrainingRecipe, seed: number): (step: number) => TrainHyper {
  return (step) => ({
    learningRate: learningRate(step, { ...optimiser.learningRate, steps }),
    weightDecay: weightDecay(step, { ...optimiser.weightDecay, steps }),
    emaDecay: emaDecay(step, optimiser.ema),
    key: (seed % 2 ** 20) * 2 ** 32 + step,
  });
}

/** The fixed hyperparameters of AdamW (Loshchilov and Hutter 2019) that a train step is compiled with. */
export function optimiserSpec({ optimiser }: TrainingRecipe) {
  const { betas, eps, clip, ema } = optimiser;
  return { betas: [betas[0]!, betas[1]!] as const, eps, clip: clip > 0 ? clip : null, ema: ema > 0 };
}

/**
 * Learning rate schedule of the trainer of VAR (arXiv 2404.02905): a linear warm-up from `startFactor * peak`, then one of
 * these shapes down to `endFactor * peak`.
 * - `cos`: half a cosine.
 * - `lin`, `lin0`: constant for 15% or 5% of the steps after warm-up, then linear; `lin00`: linear at once.
 * - `lin0.4` and the like: two lines that meet at the given share (progressive training).
 * - `exp`: constant for 15%, then exponential.
 */
export interface LearningRate {
  readonly shape: string;
  readonly peak: number;
  /** Steps of warm-up; rounded half to even. */
  readonly warmup: number;
  /** Steps of the whole training. */
  readonly steps: number;
  readonly startFactor: number;
  readonly endFactor: number;
}

const PLATEAU: Readonly<Record<string, number>> = { lin: 0.15, lin0: 0.05, lin00: 0 };

/** The learning rate of step `it`, counted from 0. @throws TesseraError `schedule-unknown` */
export function learningRate(it: number, { shape, peak, warmup, steps, startFactor, endFactor }: LearningRate): number {
  const warm = roundHalfEven(warmup);
  if (it < warm) return peak * (startFactor + ((1 - startFactor) * it) / warm);
  const share = Math.min(1, Math.max(0, (it - warm) / Math.max(1, steps - 1 - warm)));
  return peak * factor(shape, share, endFactor);
}

function factor(shape: string, share: number, end: number): number {
  if (shape === 'cos') return end + (1 - end) * (0.5 + 0.5 * Math.cos(Math.PI * share));
  if (shape === 'exp') return share < 0.15 ? 1 : end ** ((share - 0.15) / 0.85);
  const plateau = PLATEAU[shape];
  if (plateau !== undefined) return share < plateau ? 1 : end + ((1 - end) * (1 - share)) / (1 - plateau);
  return twoLines(shape, share, end);
}

/** Two lines that meet at `bend`: from 1 to the middle of the remaining single line, then to the end. */
function twoLines(shape: string, share: number, end: number): number {
  const bend = lineBend(shape);
  if (bend === null) throw unknownShape(shape);
  const middle = (1 + end + (1 - end) * (1 - bend)) / 2;
  return share < bend ? 1 + ((middle - 1) * share) / bend : end + ((middle - end) * (1 - share)) / (1 - bend);
}

function lineBend(shape: string): number | null {
  const bend = /^lin(\d*\.?\d+)$/.exec(shape)?.[1];
  const value = Number(bend);
  return bend !== undefined && value > 0 && value < 1 ? value : null;
}

/** Whether `learningRate` knows this shape. */
export function isLearningRateShape(shape: string): boolean {
  return shape === 'cos' || shape === 'exp' || shape in PLATEAU || lineBend(shape) !== null;
}

function unknownShape(shape: string): TesseraError {
  const got = `the schedule "${shape}"`;
  return new TesseraError({ code: 'schedule-unknown', who: 'training', got, expected: KNOWN_SHAPES });
}

/** Weight decay of step `it` of `steps`: half a cosine from `start` to `end` (VAR's trainer). */
export function weightDecay(
  it: number,
  { start, end, steps }: { readonly start: number; readonly end: number; readonly steps: number },
): number {
  return end + (start - end) * (0.5 + 0.5 * Math.cos((Math.PI * it) / Math.max(1, steps - 1)));
}

/**
 * Decay of the moving average at step `it`: `min(decay, (1 + it) / (10 + it))`. Without this warm-up, the random start
 * would dominate an average of 0.9999 for thousands of steps.
 */
export function emaDecay(it: number, decay: number): number {
  return Math.min(decay, (1 + it) / (10 + it));
}
