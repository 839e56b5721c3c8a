import * as tf from '@tensorflow/tfjs';
import type { Tensor2D, Tensor3D, Tensor4D } from '@tensorflow/tfjs';
import { linearPreview, previewMissing, ProgramSet, toNetworkRange, toPixelRange } from '@tessera/autoencoder';
import type { Engine, Program } from '@tessera/engine';
import { decodeLatent, encodeMoments, type KlVae } from './kl-vae.ts';
import { fromTokens } from './patches.ts';

/** What a position shows whose token is not known yet: middle grey. */
const UNKNOWN = 0.5;

/** The compiled programs of one tokenizer, shared by all canvases. */
export class KlPrograms {
  readonly #programs: ProgramSet;
  readonly #model: KlVae;

  constructor(engine: Engine, model: KlVae) {
    this.#programs = new ProgramSet(engine, 'kl');
    this.#model = model;
  }

  /** Pixels in [0, 1] -> moments [B, h, w, 2z]. */
  encode(): Program<[Tensor4D], Tensor4D> {
    return encodePixels(this.#programs, this.#model);
  }

  /** Tokens of one image [1, L, C] -> its pixels in [0, 1], by the decoder. */
  decode(): Program<[Tensor3D], Tensor4D> {
    return this.#programs.once('decode', { memory: 'release' }, (tokens_1LC: Tensor3D) =>
      toPixelRange(decodeLatent(this.#model, latentsOf(this.#model, tokens_1LC))),
    );
  }

  /** Tokens [B, L, C] and which are known [B, L] -> pixels in [0, 1], one for each latent, by the linear preview. */
  preview(): Program<[Tensor3D, Tensor2D], Tensor4D> {
    const { preview, patch_size } = this.#model.config;
    if (preview === null) throw previewMissing('tokenizer-continuous');
    const shown = (tokens_BLC: Tensor3D, known_BL: Tensor2D): Tensor4D => {
      const pixels_BhwC = linearPreview(preview, latentsOf(this.#model, tokens_BLC));
      const all_BLC = tf.mul(tf.expandDims(known_BL, 2), tf.ones([1, 1, patch_size ** 2])) as Tensor3D;
      const known_Bhw1 = fromTokens(all_BLC, patch_size);
      return tf.add(tf.mul(tf.sub(pixels_BhwC, UNKNOWN), known_Bhw1), UNKNOWN);
    };
    return this.#programs.once('preview', { axes: ['B . .', 'B .'] }, shown);
  }

  dispose(): void {
    this.#programs.dispose();
  }
}

/** Pixels in [0, 1] -> moments [B, h, w, 2z]. */
export function encodePixels(programs: ProgramSet, model: KlVae): Program<[Tensor4D], Tensor4D> {
  return programs.once('encode', { axes: ['B . . .'] }, (pixels_BHWC: Tensor4D) =>
    encodeMoments(model, toNetworkRange(pixels_BHWC)),
  );
}

function latentsOf({ config }: KlVae, tokens_BLC: Tensor3D): Tensor4D {
  return tf.div(fromTokens(tokens_BLC, config.patch_size), config.latentScale);
}
