import type { SpaceShape } from '@tessera/core';
import { schema } from '@tessera/schema';

/** Build time. */
export interface CategoricalConfig {
  /** Share of the target that is spread over the whole vocabulary in the loss. */
  readonly labelSmoothing: number;
  /** Factor on the head's initial weights: small, so that training starts near the uniform distribution. */
  readonly initScale: number;
}

/** Request time. */
export interface CategoricalOptions {
  /** Draw among the k likeliest tokens; 0: among all. */
  readonly topK: number;
  /** Draw among the likeliest tokens that hold this much probability; 0: among all. */
  readonly topP: number;
  /** Blend codebook entries by Gumbel weights instead of taking one: prettier, less diverse. */
  readonly smooth: boolean;
}

const { object, integer, number, boolean, described, optional } = schema;

export const categoricalConfig = object({
  labelSmoothing: optional(number({ min: 0, max: 1 }), 0),
  initScale: optional(number({ min: 0 }), 0.02),
});

/** The vocabulary bounds top-k. */
export function categoricalOptions({ vocabulary }: Extract<SpaceShape, { kind: 'discrete' }>) {
  return object({
    topK: described(
      optional(integer({ min: 0, max: vocabulary }), 0),
      'Draws among this many of the likeliest tokens; 0 draws among all.',
    ),
    topP: described(
      optional(number({ min: 0, max: 1 }), 0),
      'Draws among the likeliest tokens that hold this much probability together; 0 draws among all.',
    ),
    smooth: described(
      optional(boolean(), false),
      'Blends the embeddings of tokens in early steps: smoother pictures, less faithful statistics.',
    ),
  });
}
