import * as tf from '@tensorflow/tfjs';
import type { Tensor2D, Tensor3D, Tensor4D } from '@tensorflow/tfjs';
import { linearPreview, previewMissing, ProgramSet, toNetworkRange, toPixelRange } from '@tessera/autoencoder';
import type { Engine, Program } from '@tessera/engine';
import { accumulate, contribution, estimate, splitScales } from './accumulate.ts';
import { mapSide } from './config.ts';
import { quantize } from './quantize.ts';
import { decodeFeatures, encodeFeatures, type VqVae } from './vq-vae.ts';

const MAP = 'B . . .';
const TOKENS = 'B . .';
/** What a position shows whose token is not known yet: middle grey. */
const UNKNOWN = 0.5;

/** The compiled programs of one tokenizer. Each is compiled when it is first asked for and shared by all canvases. */
export class VqPrograms {
  readonly #programs: ProgramSet;
  readonly #model: VqVae;

  constructor(engine: Engine, model: VqVae) {
    this.#programs = new ProgramSet(engine, 'vq');
    this.#model = model;
  }

  /** Pixels in [0, 1] -> int32 indices of all scales [B, L]. */
  encode(): Program<[Tensor4D], Tensor2D> {
    return this.#programs.once('encode', { axes: [MAP] }, (pixels_BHWC: Tensor4D) =>
      indicesOf(this.#model, pixels_BHWC),
    );
  }

  /** The first scale's tokens [B, l, C] -> the running map. */
  begin(): Program<[Tensor3D], Tensor4D> {
    return this.#programs.once('begin', { axes: [TOKENS] }, (tokens_BlC: Tensor3D) =>
      contribution(this.#model.quantizer, tokens_BlC, { scale: 0 }),
    );
  }

  /** A later scale's tokens [B, l, C] and the running map before -> the running map after. */
  extend(scale: number): Program<[Tensor3D, Tensor4D], Tensor4D> {
    return this.#programs.once(`extend.${scale}`, { axes: [TOKENS, MAP] }, (tokens_BlC: Tensor3D, map_BHWC: Tensor4D) =>
      tf.add(map_BHWC, contribution(this.#model.quantizer, tokens_BlC, { scale })),
    );
  }

  /** Tokens [B, l, C], kept tokens of all scales [B, L, C], keep as 1 or 0 [1, l, 1] -> tokens [B, l, C]. */
  keep(scale: number): Program<[Tensor3D, Tensor3D, Tensor3D], Tensor3D> {
    const before = this.#model.quantizer.sizes.slice(0, scale);
    const start = before.reduce((sum, { height, width }) => sum + height * width, 0);
    const mix = (tokens_BlC: Tensor3D, kept_BLC: Tensor3D, keep_1l1: Tensor3D): Tensor3D => {
      const given_BlC = tf.slice(kept_BLC, [0, start, 0], [-1, keep_1l1.shape[1], -1]);
      return tf.add(tf.mul(given_BlC, keep_1l1), tf.mul(tokens_BlC, tf.sub(1, keep_1l1)));
    };
    return this.#programs.once(`keep.${scale}`, { axes: [TOKENS, TOKENS, '. . .'] }, mix);
  }

  /** Running map -> what a backbone reads before a scale [B, l, C]. */
  estimate(scale: number): Program<[Tensor4D], Tensor3D> {
    const size = this.#model.quantizer.sizes[scale]!;
    return this.#programs.once(`estimate.${scale}`, { axes: [MAP] }, (map_BHWC: Tensor4D) => estimate(map_BHWC, size));
  }

  /** Running map -> pixels in [0, 1], by the decoder. */
  decode(): Program<[Tensor4D], Tensor4D> {
    const pixels = (map_BHWC: Tensor4D): Tensor4D => toPixelRange(decodeFeatures(this.#model, map_BHWC));
    return this.#programs.once('decode', { axes: [MAP], memory: 'release' }, pixels);
  }

  /** Running map -> pixels in [0, 1] of the map's size, by the linear preview. */
  preview(): Program<[Tensor4D], Tensor4D> {
    const { preview } = this.#model.config;
    if (preview === null) throw previewMissing('tokenizer-vq');
    return this.#programs.once('preview', { axes: [MAP] }, (map_BHWC: Tensor4D) => linearPreview(preview, map_BHWC));
  }

  /** Tokens of all scales of one image [1, L, C] -> its pixels in [0, 1]; tokens of zeros add nothing. */
  decodeTokens(): Program<[Tensor3D], Tensor4D> {
    const pixels = (tokens_1LC: Tensor3D): Tensor4D =>
      toPixelRange(decodeFeatures(this.#model, mapOf(this.#model, tokens_1LC)));
    return this.#programs.once('decode-tokens', { memory: 'release' }, pixels);
  }

  /** Tokens of all scales [B, L, C] and which are known [B, L] -> pixels in [0, 1] of the map's size. */
  previewTokens(): Program<[Tensor3D, Tensor2D], Tensor4D> {
    const { preview, patch_nums } = this.#model.config;
    if (preview === null) throw previewMissing('tokenizer-vq');
    const shown = (tokens_BLC: Tensor3D, known_BL: Tensor2D): Tensor4D => {
      const pixels_BhwC = linearPreview(preview, mapOf(this.#model, tokens_BLC));
      const side = mapSide(this.#model.config);
      const finest_BL = tf.slice(known_BL, [0, known_BL.shape[1] - side * side], [-1, -1]);
      // Of several scales the coarse ones fill what the finest has not reached; one alone shows grey there.
      const seen = patch_nums.length > 1 ? tf.onesLike(finest_BL) : finest_BL;
      const seen_Bhw1 = tf.reshape(seen, [-1, side, side, 1]);
      return tf.add(tf.mul(tf.sub(pixels_BhwC, UNKNOWN), seen_Bhw1), UNKNOWN);
    };
    return this.#programs.once('preview-tokens', { axes: [TOKENS, 'B .'] }, shown);
  }

  dispose(): void {
    this.#programs.dispose();
  }
}

function mapOf({ quantizer }: VqVae, tokens_BLC: Tensor3D): Tensor4D {
  return accumulate(quantizer, splitScales(quantizer, tokens_BLC));
}

function indicesOf(model: VqVae, pixels_BHWC: Tensor4D): Tensor2D {
  const features_BHWC = encodeFeatures(model, toNetworkRange(pixels_BHWC));
  const { index_Bl } = quantize(model.quantizer, features_BHWC);
  return index_Bl.length === 1 ? index_Bl[0]! : tf.concat([...index_Bl], 1);
}
