import type { Layout, Step } from './tokens.ts';

/*
 * What the loop asks of a guidance, and how one of contract 2 works: it says for each step how strongly conditions pull, and
 * may say how the predictions with and without condition are mixed. Heads make the predictions, and go on with what is mixed.
 */

/**
 * How strongly conditions pull. Classifier-free: each step mixes `u + w (c - u)` of what the backbone predicts without
 * and with the condition; w = 1 is no guidance. VAR's ramp of 1.5 over four steps has the weights 1, 1.5, 2, 2.5.
 */
export interface Guidance {
  readonly kind: 'classifier-free';
  /** False when w is 1 at every step: rows are then not doubled. */
  readonly active: boolean;
  /** Whether rows are also not doubled at single steps whose w is 1, where the rollout remembers nothing. */
  readonly saves: boolean;
  /** Whether neither this step nor any after it is guided: rows are then not doubled, whatever the rollout remembers. */
  ended?(step: Step): boolean;
  weight(step: Step, layout: Layout): number;
  /** How the predictions of a step are mixed, where that is not `u + w (c - u)`: for heads that say `mixes`. */
  mix?(step: Step): OpenMix;
}

/** What a head predicts: scores of choices, the noise in a token that is denoised, or its velocity from noise to data. */
export type PredictionKind = 'logits' | 'noise' | 'velocity';

/** What a guidance is opened with, for all images of a request. */
export interface GuidanceRequest<O = unknown> {
  /** How strongly conditions are to pull, where they do: w of u + w (c - u). It is never 1, which is no guidance. */
  readonly weight: number;
  /** w - 1, how far beyond the prediction with the condition: c + over (c - u). */
  readonly over: number;
  /** Request-time options, parsed by the plug-in's schema. */
  readonly options: O;
  readonly layout: Layout;
}

/**
 * The guidance of one request. Nothing is remembered from step to step: a generation may go on in another process.
 * Constant guidance of w = 3 in the first half of the steps:
 *
 *     step({ index: 0, of: 4, ... })  ->  { weight: 3 }
 *     step({ index: 2, of: 4, ... })  ->  null
 */
export interface OpenGuidance {
  /** null: the step is not guided, its images follow their conditions alone. The same answer for the same step. */
  step(step: Step): GuidedStep | null;
  /** Whether neither this step nor any after it is guided. One that says so lets backbones with a cache save rows, too. */
  ended?(step: Step): boolean;
}

export interface GuidedStep {
  /** w of u + w (c - u); 1 is no guidance. */
  readonly weight: number;
  /** Another mixture than that, for guidances that say `mixes`. Opened again for each image and step. */
  readonly mix?: OpenMix;
}

/** A mixture of the predictions of one image at one step: what it remembers, it remembers between the calls of that step. */
export type OpenMix = (shape: PredictionShape) => Mix;

/**
 * Mixes what a head predicts for the tokens of one image: once a step, or at every denoising step of its own. It gives one
 * number for each of `own_lX`, and changes nothing that it is given.
 */
export type Mix = (predictions: Predictions) => ArrayLike<number>;

export interface PredictionShape {
  readonly kind: PredictionKind;
  /** Tokens of the image at this step: l. */
  readonly tokens: number;
  /** Numbers of each: X. */
  readonly width: number;
  /** Of logits: how many belong to each choice, in their order; a token of one codebook has one choice. Else one group of all. */
  readonly groups: readonly number[];
}

/** Predictions of the l tokens of an image, token after token, X numbers each. */
export interface Predictions {
  /** With the condition: c. */
  readonly own_lX: Float64Array;
  /** Without: u. */
  readonly none_lX: Float64Array;
  /** Of noise and velocities: the data that a prediction p stands for is `keep * state_lX + factor * p`. */
  readonly clean?: { readonly state_lX: Float64Array; readonly keep: number; readonly factor: number };
}
