import type { Tensor, Tensor2D, Tensor3D } from '@tensorflow/tfjs';

/**
 * Tokens of some positions. Discrete tokens carry their embedding too, so that nobody downstream needs the codebook;
 * a Gumbel-smoothed VAR token has values but no index.
 */
export interface Tokens {
  readonly values_BlC: Tensor3D;
  readonly index_Bl?: Tensor2D;
}

export interface Scale {
  /** Position of the scale's first token. */
  readonly start: number;
  readonly height: number;
  readonly width: number;
}

/** Where the tokens of one image lie: one or more row-major maps, coarse to fine. */
export interface Layout {
  readonly length: number;
  readonly scales: readonly Scale[];
}

/**
 * What kind of numbers tokens are, known from configuration alone, before any weights load: entries of a codebook, or
 * vectors, which a tokenizer scales to a standard deviation of about 1.
 */
export type SpaceShape =
  | { readonly kind: 'discrete'; readonly channels: number; readonly vocabulary: number }
  | { readonly kind: 'continuous'; readonly channels: number };

/** The same of a built tokenizer, whose codebook is at hand. */
export type Space =
  | (Extract<SpaceShape, { kind: 'discrete' }> & { readonly codebook_VC: Tensor2D })
  | Extract<SpaceShape, { kind: 'continuous' }>;

/** What training caches of an image: indices of a discrete tokenizer, moments of a continuous one. */
export interface Encoding {
  readonly index_BL?: Tensor2D;
  readonly moments?: Tensor;
}
