import * as tf from '@tensorflow/tfjs';
import type { Tensor1D, Tensor2D, Tensor3D, Tensor4D } from '@tensorflow/tfjs';
import type { CompileOptions, Engine, Program, Tree } from '@tessera/engine';
import { previewMissing } from './preview.ts';
import { accumulate, estimate, splitScales, type Pyramid } from './pyramid.ts';

const MAP = 'B . . .';
const TOKENS = 'B . .';
/** What a position shows whose token is not known yet: middle grey. */
const UNKNOWN = 0.5;

/** A pyramid, and how its map is shown. Pure and traceable functions. */
export interface ScaleModel {
  /** Named in errors. */
  readonly who: string;
  readonly pyramid: Pyramid;
  /** Running map -> pixels in [0, 1], by the decoder. */
  decode(map_BHWC: Tensor4D): Tensor4D;
  /** Running map -> pixels in [0, 1] of the map's size; null where no preview was fitted. */
  readonly preview: ((map_BHWC: Tensor4D) => Tensor4D) | null;
}

/** Compiled programs by name. Each is compiled when it is first asked for and shared from then on. */
export class ProgramSet {
  readonly #engine: Engine;
  readonly #prefix: string;
  readonly #compiled = new Map<string, { dispose(): void }>();

  /** `prefix` stands before every name in errors and profiles. */
  constructor(engine: Engine, prefix: string) {
    this.#engine = engine;
    this.#prefix = prefix;
  }

  /** The program of this name, compiled from the `fn` and `options` of the first call. */
  once<A extends readonly Tree[], R extends Tree>(
    name: string,
    options: Omit<CompileOptions, 'name'>,
    fn: (...args: A) => R,
  ): Program<A, R> {
    const known = this.#compiled.get(name) as Program<A, R> | undefined;
    if (known) return known;
    const program = this.#engine.compile(fn, { ...options, name: `${this.#prefix}.${name}` });
    this.#compiled.set(name, program);
    return program;
  }

  dispose(): void {
    for (const program of this.#compiled.values()) program.dispose();
    this.#compiled.clear();
  }
}

/** The compiled programs of the canvases of one tokenizer. Each is compiled when it is first asked for. */
export class ScalePrograms {
  readonly #programs: ProgramSet;
  readonly #model: ScaleModel;

  /** The programs belong to the set, which disposes them. */
  constructor(programs: ProgramSet, model: ScaleModel) {
    this.#programs = programs;
    this.#model = model;
  }

  /** The first scale's tokens [B, l, C] -> the running map. */
  begin(): Program<[Tensor3D], Tensor4D> {
    return this.#programs.once('begin', { axes: [TOKENS] }, (tokens_BlC: Tensor3D) =>
      this.#model.pyramid.contribution(tokens_BlC, 0),
    );
  }

  /** A later scale's tokens [B, l, C] and the running map before -> the running map after. */
  extend(scale: number): Program<[Tensor3D, Tensor4D], Tensor4D> {
    return this.#programs.once(`extend.${scale}`, { axes: [TOKENS, MAP] }, (tokens_BlC: Tensor3D, map_BHWC: Tensor4D) =>
      tf.add(map_BHWC, this.#model.pyramid.contribution(tokens_BlC, scale)),
    );
  }

  /** Tokens [B, l, C], kept tokens of all scales [B, L, C], keep as 1 or 0 [1, l, 1] -> tokens [B, l, C]. */
  keep(scale: number): Program<[Tensor3D, Tensor3D, Tensor3D], Tensor3D> {
    const before = this.#model.pyramid.sizes.slice(0, scale);
    const start = before.reduce((sum, { height, width }) => sum + height * width, 0);
    const mix = (tokens_BlC: Tensor3D, kept_BLC: Tensor3D, keep_1l1: Tensor3D): Tensor3D => {
      const given_BlC = tf.slice(kept_BLC, [0, start, 0], [-1, keep_1l1.shape[1], -1]);
      return tf.add(tf.mul(given_BlC, keep_1l1), tf.mul(tokens_BlC, tf.sub(1, keep_1l1)));
    };
    return this.#programs.once(`keep.${scale}`, { axes: [TOKENS, TOKENS, '. . .'] }, mix);
  }

  /** Running map -> what a backbone reads before a scale [B, l, C]. */
  estimate(scale: number): Program<[Tensor4D], Tensor3D> {
    const size = this.#model.pyramid.sizes[scale]!;
    return this.#programs.once(`estimate.${scale}`, { axes: [MAP] }, (map_BHWC: Tensor4D) => estimate(map_BHWC, size));
  }

  /** Tokens of all scales [B, L, C], of which the coarser ones are read -> what a backbone reads before a scale [B, l, C]. */
  estimateOfTokens(scale: number): Program<[Tensor3D], Tensor3D> {
    const { pyramid } = this.#model;
    return this.#programs.once(`estimate-of-tokens.${scale}`, { axes: [TOKENS] }, (tokens_BLC: Tensor3D) => {
      const coarser = splitScales(pyramid.sizes, tokens_BLC).slice(0, scale);
      return estimate(accumulate(pyramid, coarser), pyramid.sizes[scale]!);
    });
  }

  /** Running maps of all rows and the index [1] of one (int32) -> its map [1, H, W, C]. */
  row(): Program<[Tensor4D, Tensor1D], Tensor4D> {
    return this.#programs.once('row', { axes: [MAP, '.'] }, (map_BHWC: Tensor4D, row_1: Tensor1D) =>
      tf.gather(map_BHWC, row_1),
    );
  }

  /** Running map -> pixels in [0, 1], by the decoder. */
  decode(): Program<[Tensor4D], Tensor4D> {
    const { decode } = this.#model;
    return this.#programs.once('decode', { axes: [MAP], memory: 'release' }, decode);
  }

  /** Running map -> pixels in [0, 1] of the map's size, by the linear preview. */
  preview(): Program<[Tensor4D], Tensor4D> {
    return this.#programs.once('preview', { axes: [MAP] }, this.#previewOf());
  }

  /** Tokens of all scales of one image [1, L, C] -> its pixels in [0, 1]; tokens of zeros add nothing. */
  decodeTokens(): Program<[Tensor3D], Tensor4D> {
    const pixels = (tokens_1LC: Tensor3D): Tensor4D => this.#model.decode(this.#mapOf(tokens_1LC));
    return this.#programs.once('decode-tokens', { memory: 'release' }, pixels);
  }

  /** Tokens of all scales [B, L, C] and which are known [B, L] -> pixels in [0, 1] of the map's size. */
  previewTokens(): Program<[Tensor3D, Tensor2D], Tensor4D> {
    const preview = this.#previewOf();
    const { sizes } = this.#model.pyramid;
    const { height, width } = sizes.at(-1)!;
    const shown = (tokens_BLC: Tensor3D, known_BL: Tensor2D): Tensor4D => {
      const pixels_BhwC = preview(this.#mapOf(tokens_BLC));
      const finest_BL = tf.slice(known_BL, [0, known_BL.shape[1] - height * width], [-1, -1]);
      // Of several scales the coarse ones fill what the finest has not reached; one alone shows grey there.
      const seen = sizes.length > 1 ? tf.onesLike(finest_BL) : finest_BL;
      const seen_Bhw1 = tf.reshape(seen, [-1, height, width, 1]);
      return tf.add(tf.mul(tf.sub(pixels_BhwC, UNKNOWN), seen_Bhw1), UNKNOWN);
    };
    return this.#programs.once('preview-tokens', { axes: [TOKENS, 'B .'] }, shown);
  }

  #mapOf(tokens_BLC: Tensor3D): Tensor4D {
    const { pyramid } = this.#model;
    return accumulate(pyramid, splitScales(pyramid.sizes, tokens_BLC));
  }

  #previewOf(): (map_BHWC: Tensor4D) => Tensor4D {
    const { preview, who } = this.#model;
    if (preview === null) throw previewMissing(who);
    return preview;
  }
}
