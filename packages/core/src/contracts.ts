import type { Tensor, Tensor1D, Tensor2D, Tensor3D, Tensor4D } from '@tensorflow/tfjs';
import type { SampleRng, TraceRng } from '@tessera/engine';
import type { Guidance, OpenMix } from './guidance-part.ts';
import type { Chosen, Condition, Encoded, Encoding, Layout, Row, Space, Step, Tokens } from './tokens.ts';

/*
 * The contracts between the loop and the parts. Arguments are borrowed; results belong to the receiver, which disposes
 * them. The axes in tensor names are explained in `tokens.ts`. The examples are of two images (B = 2) with tokens of
 * three channels (C = 3) from a codebook of eight (V = 8), and a backbone of width four (D = 4).
 */

/** What a backbone reads: the running estimate (VAR), all known tokens (MAR), the newest (causal), the scale under way (HMAR). */
export type Reads = 'estimate' | 'known' | 'last' | 'scale';

/**
 * What a canvas gives to a backbone before a step: the estimate of this step's tokens, all tokens with a mark for those
 * that are known, what the step before wrote, or the whole scale of this step: its estimate from the coarser ones, and its
 * own tokens with a mark for those that are known. `values_BlC` and `estimate_BnC` are null while nothing coarser has been
 * written.
 */
export type Context =
  | { readonly reads: 'estimate'; readonly values_BlC: Tensor3D | null }
  | { readonly reads: 'known'; readonly values_BLC: Tensor3D; readonly known_BL: Tensor2D }
  | { readonly reads: 'last'; readonly values_BlC: Tensor3D | null }
  | {
      readonly reads: 'scale';
      readonly estimate_BnC: Tensor3D | null;
      /** Zero where unknown. */
      readonly values_BnC: Tensor3D;
      readonly known_Bn: Tensor2D;
    };

/** Tokens that stay as they are (in-painting), for all L positions; `keep_L` is 1 where the given token stays. */
export interface Kept {
  readonly values_BLC: Tensor3D;
  readonly keep_L: Uint8Array;
}

/** Pixels in [0, 1], row-major, interleaved channels. */
export interface Pixels {
  readonly data: Float32Array;
  readonly height: number;
  readonly width: number;
  readonly channels: number;
}

/** How a step is shown: not at all, by a small linear map of the canvas to RGB, or by the full decoder. */
export type PreviewKind = 'none' | 'linear' | 'decoded';

/**
 * Makes tokens of images, and images of tokens. Images of 16 x 16 in maps of 1x1 and 2x2 tokens (L = 5):
 *
 *     encode(image_BHWC [2, 16, 16, 1])  ->  { index_BL: [[7, 0, 2, 2, 5], [1, 4, 4, 0, 3]] }
 *     draw(encoding, null)               ->  { values_BlC: [2, 5, 3], index_Bl: [2, 5] }
 *     estimates(values_BLC [2, 5, 3])    ->  [2, 4, 3]         what the canvas gives before the 2x2 map
 *     keepMask([1, 0, 1, 0])             ->  [0, 1, 0, 1, 0]   the left half stays
 */
export interface Tokenizer {
  readonly space: Space;
  readonly layout: Layout;
  /** Which reads its canvas can serve. */
  readonly serves: readonly Reads[];
  /** Image size in pixels that `encode` takes and `render` gives. */
  readonly image: { readonly height: number; readonly width: number; readonly channels: number };
  /** `image_BHWC` in [0, 1]. */
  encode(image_BHWC: Tensor4D): Promise<Encoding>;
  /** Tokens of all positions from an encoding. Encodings that are distributions are drawn from; without `rng`, their means. */
  draw(encoding: Encoding, rng: TraceRng | null): Tokens;
  /** Teacher forcing of cumulative tokenizers: what the canvas would have given at every position after the first scale. */
  estimates?(values_BLC: Tensor3D): Tensor3D;
  /** A mask on the finest map (1 = keep), brought to every position: 1 where the given token stays. */
  keepMask(mask: Uint8Array): Uint8Array;
  /** An empty canvas for these rows and a backbone that reads so, one of `serves`. `kept` is borrowed until it is disposed. */
  openCanvas(rows: readonly Row[], kept: Kept | null, reads: Reads): Canvas;
  dispose(): void;
}

/**
 * The image so far, which the tokenizer owns: what was written, what comes next, how it looks. Opened for 'estimate', at
 * step 1 of 2, the 2x2 map with `positions_Bl: [1, 2, 3, 4, 1, 2, 3, 4]`:
 *
 *     read(step)                                              ->  { reads: 'estimate', values_BlC: [2, 4, 3] }
 *     write(step, { values_BlC: [2, 4, 3], index_Bl: [2, 4] })
 *     preview('linear')                                       ->  two small pictures
 *     render(0)                                               ->  { data: 256 numbers, height: 16, width: 16, channels: 1 }
 */
export interface Canvas {
  /** Before each step, in the manner that the canvas was opened for. */
  read(step: Step): Promise<Context>;
  write(step: Step, tokens: Tokens): Promise<void>;
  /** Tokens of each row that are missing again: see `Step.again_Ba`. Left out: no order that revisits can be used. */
  forget?(positions_Ba: Int32Array): Promise<void>;
  /** One picture per row, or null for 'none'. */
  preview(kind: PreviewKind): Promise<readonly Pixels[] | null>;
  render(row: number): Promise<Pixels>;
  dispose(): void;
}

export interface OrderRequest<O = unknown> {
  readonly rows: readonly Row[];
  /** Request-time options, parsed by the plug-in's schema. */
  readonly options: O;
  /** Orders by sets and parts leave kept tokens out; the others write them again in their turn, and the canvas lets kept tokens win. */
  readonly kept: Kept | null;
  readonly rng: SampleRng;
}

/**
 * Says which tokens come next. Random sets of one 2x2 map in two steps, where each row has an order of its own:
 *
 *     open(layout, request).steps()  ->  { index: 0, of: 2, before: 4, after: 2, positions_Bl: [0, 3, 1, 2] },
 *                                        { index: 1, of: 2, before: 2, after: 0, positions_Bl: [1, 2, 0, 3] }
 *     visit(layout, [0.7, 0.1, 0.9, 0.3])  ->  [1, 3, 0, 2]
 *     stops(layout)                        ->  null
 */
export interface Order<O = unknown> {
  open(layout: Layout, request: OrderRequest<O>): Plan;
  /**
   * For training: the positions of one image as they come, each once. `key_L` holds random numbers in [0, 1), one a
   * position; an order without chance ignores them.
   */
  visit(layout: Layout, key_L: Float32Array): Int32Array;
  /** For training: after how many tokens a step may begin, ascending from 0; null: after any number. */
  stops(layout: Layout): readonly number[] | null;
}

/** The order of one request: made by `Order.open`, never shared between requests. */
export interface Plan {
  /** Asked for one by one: the next step may depend on what was chosen. */
  steps(): Iterable<Step>;
  /** Orders by confidence keep some of what was sampled; the others leave this out. */
  choose?(step: Step, sampled: { readonly confidence_Bl?: Float32Array }): Chosen;
  dispose(): void;
}

/** Hidden states of one step. Guided: rows 0..B-1 saw the condition, rows B..2B-1 the null class. */
export interface Hidden {
  readonly values_RlD: Tensor3D;
  readonly positions_Bl: Int32Array;
  readonly guided: boolean;
}

/**
 * Makes hidden states of what has been written. One that reads 'known', at the second step of the order above, guided:
 *
 *     rollout.forward({ reads: 'known', values_BLC: [2, 4, 3], known_BL: [[1, 0, 0, 1], [0, 1, 1, 0]] }, step, true)
 *       ->  { values_RlD: [4, 2, 4], positions_Bl: [1, 2, 0, 3], guided: true }
 *     teach({ values_BLC: [2, 4, 3], order_BL: [[0, 3, 1, 2], [1, 2, 0, 3]], cut: { known: 3, least: 2, most: 3 }, ... })
 *       ->  { values_BlD: [2, 2, 4], positions_Bl: [[1, 2], [0, 3]] }   what comes after the cut's `least`
 */
export interface Backbone extends AnyBackbone {
  /** Teacher forcing: hidden states of all supervised positions at once. Pure and traceable. */
  teach(batch: TrainBatch, context: TrainContext): TrainHidden;
}

/** A backbone and its condition, as the loop and the trainer see them: see `bindCondition`. */
export interface BoundBackbone extends AnyBackbone {
  /** The conditions of a training batch as numbers. @throws TesseraError where one is not of the model's kind */
  encode(conditions: readonly Condition[]): Encoded;
  teach(batch: BoundBatch, context: TrainContext): TrainHidden;
}

interface AnyBackbone {
  readonly width: number;
  readonly reads: Reads;
  openRollout(rows: readonly Row[], guidance: Guidance): Promise<Rollout>;
  dispose(): void;
}

/** One generation's pass through a backbone. It owns the caches. */
export interface Rollout {
  /** True where a step depends on earlier calls (caches): then it must see also the steps that are only replayed. */
  readonly remembers: boolean;
  /**
   * `guided`: whether to compute the null class too. A rollout that remembers does so at every step, or at none; of backbones
   * that say `endsGuidance` it may also do so up to a step, and never after it.
   */
  forward(context: Context, step: Step, guided: boolean): Promise<Hidden>;
  dispose(): void;
}

/**
 * What a backbone learns from: all tokens, when each comes, and which steps are supervised. A batch may end early, after
 * the first scales (progressive training).
 */
export interface TrainBatch extends TrainTokens {
  readonly condition: TrainCondition;
}

/** The same with encoded conditions. */
export interface BoundBatch extends TrainTokens {
  readonly condition: {
    readonly encoded: Encoded;
    /** bool: true for images that are to be learnt without their condition; null where none is. */
    readonly dropped_B: Tensor1D | null;
  };
}

/** A training batch without its conditions. */
export interface TrainTokens {
  readonly values_BLC: Tensor3D;
  /** For every position after the first scale. */
  readonly estimates_BLC?: Tensor3D;
  /** Positions in the order in which they come (`Order.visit`); int32. */
  readonly order_BL: Tensor2D;
  /** The place of each position in `order_BL`, its inverse; int32. */
  readonly rank_BL: Tensor2D;
  /** null: every step is supervised (VAR, causal); else only what comes after the cut (MAR). */
  readonly cut: Cut | null;
  /**
   * For backbones that read scales: 1 where a token is known while the others of its scale are predicted, else 0. Hidden
   * states of all positions are asked for; the trainer weighs those of known tokens with 0.
   */
  readonly known_BL?: Tensor2D;
}

/** The conditions of a batch for backbones of contract 1: a class per image, -1 for the null class; int32. */
export interface TrainCondition {
  readonly kind: 'class';
  readonly label_B: Tensor;
}

/**
 * One cut through an order (MAR, arXiv 2406.11838, section 3.3): the first `known` tokens of every image are known, the
 * others are predicted. The number is a tensor, so that one program serves all cuts between two bounds.
 */
export interface Cut {
  /** int32 scalar from `least` to `most`. */
  readonly known: Tensor;
  readonly least: number;
  readonly most: number;
}

/** Hidden states of supervised positions, for the loss. */
export interface TrainHidden {
  readonly values_BlD: Tensor3D;
  /** Their positions: `order_BL`, from the cut's `least` on where there is one; null: all of the batch, ascending. */
  readonly positions_Bl: Tensor2D | null;
}

export interface TrainContext {
  readonly rng: TraceRng;
  readonly train: boolean;
}

/**
 * Draws tokens from hidden states. The step above, with a weight of 1.5:
 *
 *     sample({ values_RlD: [4, 2, 4], positions_Bl: [1, 2, 0, 3], guided: true }, context)
 *       ->  { tokens: { values_BlC: [2, 2, 3], index_Bl: [[7, 0], [2, 2]] }, confidence_Bl: [-0.1, -2.3, -0.7, -0.7] }
 *     loss({ values_BlD: [2, 2, 4], positions_Bl }, { values_BlC: [2, 2, 3], index_Bl: [2, 2] }, context)
 *       ->  [2, 2]   -log p of each token, say
 */
export interface Head<O = unknown> {
  /** One value a supervised token, [B, l]; the trainer weighs and averages. `target` holds the tokens at its positions. Pure
   * and traceable. */
  loss(hidden: TrainHidden, target: Tokens, context: TrainContext): Tensor2D;
  sample(hidden: Hidden, context: SampleContext<O>): Promise<Sampled>;
  dispose(): void;
}

export interface SampleContext<O = unknown> {
  readonly step: Step;
  readonly rows: readonly Row[];
  /** Guidance weight w of this step. */
  readonly weight: number;
  /** How predictions are mixed instead of `u + w (c - u)`, where hidden states are guided: see `HeadPlugin.mixes`. */
  readonly mix?: OpenMix;
  readonly rng: SampleRng;
  readonly options: O;
  /** Looked at before the work and, where that takes long, during it: `signal.throwIfAborted()`. */
  readonly signal: AbortSignal;
}

export interface Sampled {
  readonly tokens: Tokens;
  /** How sure the head is of each token, a logarithm of its probability: of heads that say so (`HeadPlugin.confident`). */
  readonly confidence_Bl?: Float32Array;
  /** Of the distributions that the tokens were drawn from, in nats: computed only where somebody asks, before the next step. */
  readonly describe?: () => Described;
}

/** What a head says of the tokens of a step. */
export interface Described {
  readonly logProbability_Bl: Float32Array;
  readonly entropy_Bl: Float32Array;
  /** The K likeliest codes of each token, likeliest first: of heads that draw codes. Where fewer could be drawn, the rest has probability 0. */
  readonly likeliest?: { readonly code_BlK: Int32Array; readonly probability_BlK: Float32Array };
}
