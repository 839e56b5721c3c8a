import type { Tensor, Tensor2D, Tensor3D, Tensor4D } from '@tensorflow/tfjs';
import type { Engine, SampleRng, TraceRng } from '@tessera/engine';
import type { Row } from './row.ts';
import type { Plan, Step } from './step.ts';
import type { Encoding, Layout, Space, Tokens } from './tokens.ts';

/*
 * The contracts between the loop and the parts. Arguments are borrowed; results belong to the receiver, which disposes
 * them. Tensor names end in their axes: B images, R rows (2B when guided), L all tokens, l this step's tokens,
 * D backbone width, C token channels, V vocabulary, H W pixels.
 */

/** What a backbone reads from the canvas: the running estimate (VAR), all known tokens (MAR), or the newest (causal). */
export type Reads = 'estimate' | 'known' | 'last';

/**
 * What a canvas gives to a backbone before a step: the estimate of this step's tokens, all tokens with a mark for those
 * that are known, or what the step before wrote. `values_BlC` is null while nothing has been written.
 */
export type Context =
  | { readonly reads: 'estimate'; readonly values_BlC: Tensor3D | null }
  | { readonly reads: 'known'; readonly values_BLC: Tensor3D; readonly known_BL: Tensor2D }
  | { readonly reads: 'last'; readonly values_BlC: Tensor3D | null };

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

/** The image so far. The tokenizer owns it: what was written, what comes next, how it looks. */
export interface Canvas {
  /** Before each step, in the manner that the canvas was opened for. */
  read(step: Step): Promise<Context>;
  write(step: Step, tokens: Tokens): Promise<void>;
  /** One picture per row, or null for 'none'. */
  preview(kind: PreviewKind): Promise<readonly Pixels[] | null>;
  render(row: number): Promise<Pixels>;
  dispose(): void;
}

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
  /** Teacher forcing of cumulative tokenizers: what the canvas would have given at every position but the first scale's. */
  estimates?(values_BLC: Tensor3D): Tensor3D;
  /** A mask on the finest grid (1 = keep), brought to every position: 1 where the given token stays. */
  keepMask(mask: Uint8Array): Uint8Array;
  /** An empty canvas for these rows and a backbone that reads so, one of `serves`. `kept` is borrowed until it is disposed. */
  openCanvas(rows: readonly Row[], kept: Kept | null, reads: Reads): Canvas;
  dispose(): void;
}

export interface OrderRequest<O = unknown> {
  readonly rows: readonly Row[];
  /** Request-time options, parsed by the plug-in's schema. */
  readonly options: O;
  /** Orders by sets leave kept tokens out; the others write them again in their turn: the canvas lets kept tokens win. */
  readonly kept: Kept | null;
  readonly rng: SampleRng;
}

export interface Order<O = unknown> {
  open(layout: Layout, request: OrderRequest<O>): Plan;
  /**
   * For training: the positions of one image as they come, each once. `key_L` holds random numbers in [0, 1), one a
   * position; an order without chance leaves them alone.
   */
  visit(layout: Layout, key_L: Float32Array): Int32Array;
  /** For training: after how many tokens a step may begin, ascending from 0; null: after any number. */
  stops(layout: Layout): readonly number[] | null;
}

/** How strongly conditions pull: the mixture is always `u + w (c - u)`, w = 1 for none. */
export interface Guidance {
  /** False when w is 1 at every step: rows are then not doubled. */
  readonly active: boolean;
  /** Whether rows are also not doubled at single steps whose w is 1, where the rollout remembers nothing. */
  readonly saves: boolean;
  weight(step: Step, layout: Layout): number;
}

/** Hidden states of one step. Guided: rows 0..B-1 saw the condition, rows B..2B-1 the null class. */
export interface Hidden {
  readonly values_RlD: Tensor3D;
  readonly positions_Bl: Int32Array;
  readonly guided: boolean;
}

/** One generation's pass through a backbone. It owns the caches. */
export interface Rollout {
  /** True where a step depends on earlier calls (caches): then it must see also the steps that are only replayed. */
  readonly remembers: boolean;
  /** `guided`: whether to compute the null class too. A rollout that remembers does so at every step, or at none. */
  forward(context: Context, step: Step, guided: boolean): Promise<Hidden>;
  dispose(): void;
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

/**
 * What a backbone learns from: all tokens, when each comes, and which steps are supervised. A lesson may end early, after
 * the first scales (progressive training).
 */
export interface Lesson {
  readonly values_BLC: Tensor3D;
  /** For every position after the first scale. */
  readonly estimates_BLC?: Tensor3D;
  /** Positions in the order in which they come (`Order.visit`); int32. */
  readonly order_BL: Tensor2D;
  /** The place of each position in `order_BL`, its inverse; int32. */
  readonly rank_BL: Tensor2D;
  /** null: every step is supervised (VAR, causal); else only what comes after the cut (MAR). */
  readonly cut: Cut | null;
  /** Class per image, -1 for the null class; int32. */
  readonly label_B: Tensor;
}

/** Hidden states of supervised positions, for the loss. */
export interface Taught {
  readonly values_BlD: Tensor3D;
  /** Their positions: `order_BL`, from the cut's `least` on where there is one; null: all of the lesson, ascending. */
  readonly positions_Bl: Tensor2D | null;
}

export interface TrainContext {
  readonly rng: TraceRng;
  readonly train: boolean;
}

export interface Backbone {
  readonly width: number;
  readonly reads: Reads;
  openRollout(rows: readonly Row[], guidance: Guidance): Promise<Rollout>;
  /** Pure and traceable. */
  teach(lesson: Lesson, context: TrainContext): Taught;
  dispose(): void;
}

export interface SampleContext<O = unknown> {
  readonly step: Step;
  readonly rows: readonly Row[];
  /** Guidance weight w of this step. */
  readonly weight: number;
  readonly rng: SampleRng;
  readonly options: O;
  /** Looked at before the work and, where that takes long, amid it: `signal.throwIfAborted()`. */
  readonly signal: AbortSignal;
}

export interface Sampled {
  readonly tokens: Tokens;
  /** How sure the head is of each token, a logarithm of its probability: of heads that say so (`HeadPlugin.confident`). */
  readonly confidence_Bl?: Float32Array;
}

export interface Head<O = unknown> {
  /** One value a taught token, [B, l]; the trainer weighs and averages. `target` holds the tokens at its positions. Pure
   * and traceable. */
  loss(taught: Taught, target: Tokens, context: TrainContext): Tensor2D;
  sample(hidden: Hidden, context: SampleContext<O>): Promise<Sampled>;
  dispose(): void;
}

/** How a parameter starts, and whether weight decay pulls at it. */
export interface ParamSpec {
  readonly init: Init;
  readonly decay: boolean;
  /** False for buffers: kept in the file, never trained. */
  readonly trainable?: boolean;
}

export type Init =
  | { readonly kind: 'zeros' | 'ones' }
  | { readonly kind: 'constant'; readonly value: number }
  | { readonly kind: 'normal'; readonly std: number }
  | { readonly kind: 'uniform'; readonly bound: number }
  /** Rows that start differently (VAR's modulation): equally long stretches of the parameter in storage order. */
  | { readonly kind: 'rows'; readonly parts: readonly { readonly rows: number; readonly init: Init }[] };

/**
 * Where a part gets its parameters: from a file, or freshly initialised for training. The tensors stay the source's own:
 * parts never dispose them.
 */
export interface Weights {
  param(name: string, shape: readonly number[], spec: ParamSpec): Tensor;
  /** True when the file holds this name: for optional parameters. */
  has(name: string): boolean;
}

/** What every part is built from. */
export interface BuildContext {
  readonly engine: Engine;
  readonly weights: Weights;
}
