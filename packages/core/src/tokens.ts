import type { Tensor, Tensor2D, Tensor3D } from '@tensorflow/tfjs';

/*
 * What passes between the parts: tokens and where they lie, the steps that write them, and the rows of a request. Tensor
 * names end in their axes: B images, R rows (2B when guided), L all tokens, l the tokens of a step, n those of a scale, D
 * width of the backbone, C token channels, V vocabulary, H W pixels.
 */

/**
 * Tokens of some positions. Discrete tokens carry the values of their codebook entries too, so that no other part needs
 * the codebook; a Gumbel-smoothed VAR token has values but no index, and so has a token of factors.
 */
export interface Tokens {
  readonly values_BlC: Tensor3D;
  /** int32. */
  readonly index_Bl?: Tensor2D;
}

export interface Scale {
  /** Position of the scale's first token. */
  readonly start: number;
  readonly height: number;
  readonly width: number;
}

/**
 * Where the tokens of one image lie: one or more row-major maps, coarse to fine. Maps of 1x1 and 2x2 tokens:
 * `{ length: 5, scales: [{ start: 0, height: 1, width: 1 }, { start: 1, height: 2, width: 2 }] }`
 */
export interface Layout {
  readonly length: number;
  readonly scales: readonly Scale[];
}

/** The index of the scale in which a position lies. */
export function scaleAt({ scales }: Layout, position: number): number {
  return scales.findLastIndex(({ start }) => start <= position);
}

/**
 * What kind of numbers tokens are, known from configuration alone, before any weights load: entries of a codebook,
 * vectors, which a tokenizer scales to a standard deviation of about 1, or (contract 2) several factors, each an entry of
 * a small codebook of its own, whose channels follow one another: bits, levels, products of codebooks. Values of factors
 * have a deviation of about 1 too. See `factors.ts`.
 */
export type SpaceShape =
  | { readonly kind: 'discrete'; readonly channels: number; readonly vocabulary: number }
  | { readonly kind: 'continuous'; readonly channels: number }
  | { readonly kind: 'factors'; readonly channels: number; readonly factors: readonly Factor[] };

/** One factor of a token: an entry of a codebook of so many levels, each of so many of the token's channels. */
export interface Factor {
  readonly levels: number;
  readonly channels: number;
}

/** The same of a built tokenizer, with its codebook, or with those of its factors, [levels, channels] each. */
export type Space =
  | (Extract<SpaceShape, { kind: 'discrete' }> & { readonly codebook_VC: Tensor2D })
  | Extract<SpaceShape, { kind: 'continuous' }>
  | (Extract<SpaceShape, { kind: 'factors' }> & { readonly codebooks: readonly Tensor2D[] });

/** What training caches of an image: indices of a discrete tokenizer, moments of a continuous one. */
export interface Encoding {
  readonly index_BL?: Tensor2D;
  readonly moments?: Tensor;
}

/** One step of an order: which tokens come now. Counts are equal across the batch. */
export interface Step {
  readonly index: number;
  readonly of: number;
  /** Tokens of each row still missing before and after this step. */
  readonly before: number;
  readonly after: number;
  /** B times l positions, row after row, ascending within a row. */
  readonly positions_Bl: Int32Array;
  /**
   * Of orders that say `revisits`: tokens written before, equally many of each row, that are missing again from this step on,
   * and so count in `before`. Row after row, ascending.
   */
  readonly again_Ba?: Int32Array;
}

/** What a plan keeps of a step. */
export interface Chosen {
  /** The step with the kept positions alone. */
  readonly step: Step;
  /** Places of the kept tokens among those sampled, [B, l] row after row: indices into `step.positions_Bl` as it was. */
  readonly slots_Bl: Int32Array;
}

/** What an image is to show. Plain JSON, as requests and records hold it. */
export type Condition =
  /** One of the classes of the model, counted from 0. */
  | { readonly kind: 'class'; readonly label: number }
  /** Whatever else the model's condition part reads: a text, attributes, a picture's name. */
  | { readonly kind: 'input'; readonly input: unknown }
  /** No condition. */
  | { readonly kind: 'none' };

/** The condition of a label: -1 is none. */
export function classOf(label: number): Condition {
  return label === -1 ? { kind: 'none' } : { kind: 'class', label };
}

/** The label as tensors hold it: -1 where the condition is no class. */
export function labelOf(condition: Condition): number {
  return condition.kind === 'class' ? condition.label : -1;
}

/** Conditions of R images as numbers, by name: tensors whose first axis is the image. */
export type Encoded = Readonly<Record<string, Tensor>>;

/** One image of a request. It can be made again alone: nothing but its seed and condition decides its pixels. */
export interface Row {
  /** An integer from 0 to 2^53 - 1. */
  readonly seed: number;
  readonly condition: Condition;
}

/** Size of a picture in pixels. */
export interface PictureSize {
  readonly height: number;
  readonly width: number;
}

/** The sizes that the same weights serve: height and width are multiples of `step`, from `least` to `most`, in pixels. */
export interface SizeBounds {
  /** The size of the configuration as it is, which is always served. */
  readonly own: PictureSize;
  readonly step: number;
  readonly least: number;
  readonly most: number;
}
