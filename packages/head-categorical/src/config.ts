import { schema } from '@tessera/core';

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

const { object, integer, number, boolean, optional } = schema;

export const categoricalConfig = object({
  labelSmoothing: optional(number({ min: 0, max: 1 }), 0),
  initScale: optional(number({ min: 0 }), 0.02),
});

export const categoricalOptions = object({
  topK: optional(integer({ min: 0 }), 0),
  topP: optional(number({ min: 0, max: 1 }), 0),
  smooth: optional(boolean(), false),
});
