import { schema, type Field } from '@tessera/schema';
import { isLearningRateShape } from '../schedule/learning-rate.ts';

/** AdamW and its schedules. */
export interface OptimiserRecipe {
  readonly learningRate: {
    /** `cos`, `lin`, `lin0`, `lin00`, `lin0.4` and the like, `exp`. */
    readonly shape: string;
    readonly peak: number;
    readonly warmup: number;
    readonly startFactor: number;
    readonly endFactor: number;
  };
  readonly betas: readonly number[];
  readonly eps: number;
  /** Gradient norm above which gradients shrink; 0 for no clipping. */
  readonly clip: number;
  readonly weightDecay: { readonly start: number; readonly end: number };
  /** Decay of the moving average of the parameters; 0 for none. */
  readonly ema: number;
}

/** A training's length, batches and habits. */
export interface TrainingRecipe {
  readonly steps: number;
  readonly batch: number;
  /** Batches per optimiser step. */
  readonly accumulate: number;
  readonly optimiser: OptimiserRecipe;
  readonly every: {
    readonly log: number;
    readonly validate: number;
    readonly picture: number;
    readonly checkpoint: number;
  };
}

const { object, integer, number, string, list, optional, refine } = schema;
const share = number({ min: 0, max: 1 });

const optimiser: Field<OptimiserRecipe> = object({
  learningRate: object({
    shape: refine(string(), (shape) =>
      isLearningRateShape(shape) ? null : 'cos, lin, lin0, lin00, exp, or lin with a share as in lin0.4',
    ),
    peak: number({ min: 0 }),
    warmup: optional(number({ min: 0 }), 0),
    startFactor: optional(share, 0.005),
    endFactor: optional(share, 0.01),
  }),
  betas: optional(list(share, { min: 2, max: 2 }), [0.9, 0.95]),
  eps: optional(number({ min: 0 }), 1e-8),
  clip: optional(number({ min: 0 }), 0),
  weightDecay: optional(object({ start: number({ min: 0 }), end: number({ min: 0 }) }), { start: 0, end: 0 }),
  ema: optional(share, 0),
});

const cadence = integer({ min: 0 });

/** Fields that every stage has. */
export const trainingFields = {
  steps: integer({ min: 1 }),
  batch: integer({ min: 1 }),
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
