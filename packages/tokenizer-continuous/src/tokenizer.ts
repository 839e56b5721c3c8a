import * as tf from '@tensorflow/tfjs';
import type { Tensor2D, Tensor3D, Tensor4D } from '@tensorflow/tfjs';
import { linearPreview, previewMissing, ProgramSet, toNetworkRange, toPixelRange } from '@tessera/autoencoder';
import {
  checkImage,
  checkMask,
  pixelsOf,
  TokenCanvas,
  type BuildContext,
  type Encoding,
  type Reads,
  type SpaceShape,
  type TokenCanvasParts,
  type Tokenizer,
  type TokenizerPlugin,
  type Tokens,
} from '@tessera/core';
import { defineTokenizer } from '@tessera/plugin-kit';
import type { Engine, Program, TraceRng } from '@tessera/engine';
import { klBounds, klConfig, klGrid, klImage, klLayout, tokenChannels, type KlConfig } from './config.ts';
import { decodeLatent, drawLatent, encodeMoments, fromTokens, openKlVae, toTokens, type KlVae } from './kl-vae.ts';

/** The KL-VAE as a tokenizer, with its network in reach of trainers and tests. */
export interface KlTokenizer extends Tokenizer {
  readonly model: KlVae;
}

type KlTokenizerPlugin = TokenizerPlugin<KlConfig, KlTokenizer>;

const SERVES: readonly Reads[] = ['known', 'last'];
const WHO = 'tokenizer-continuous';

/** Tokenizer `kl`: a KL-VAE (MAR, arXiv 2406.11838), whose tokens are scaled latents. */
export const klTokenizer: KlTokenizerPlugin = defineTokenizer({
  contract: 1,
  name: 'kl',
  package: '@tessera/tokenizer-continuous',
  config: klConfig,
  sized: { bounds: klBounds, config: (config, picture) => ({ ...config, picture }) },
  describe: (config) => ({ space: spaceShape(config), layout: klLayout(config), serves: SERVES }),
  build: openKlTokenizer,
});

function spaceShape(config: KlConfig): SpaceShape & { readonly kind: 'continuous' } {
  return { kind: 'continuous', channels: tokenChannels(config) };
}

/** `dispose` releases the compiled programs alone: parameters are borrowed. */
function openKlTokenizer(config: KlConfig, { engine, weights }: BuildContext): KlTokenizer {
  const model = openKlVae(config, weights);
  const programs = new KlPrograms(engine, model);
  const layout = klLayout(config);
  const image = { ...klImage(config), channels: config.in_channels };
  const canvas: TokenCanvasParts = {
    who: `${WHO} canvas`,
    layout,
    channels: tokenChannels(config),
    decode: async (values_1LC) => (await pixelsOf(await programs.decode()(values_1LC)))[0]!,
    preview: async (values_BLC, known_BL) => pixelsOf(await programs.preview()(values_BLC, known_BL)),
  };
  return {
    model,
    space: spaceShape(config),
    layout,
    serves: SERVES,
    image,
    async encode(image_BHWC: Tensor4D): Promise<Encoding> {
      checkImage(image_BHWC, image, WHO);
      return { moments: await programs.encode()(image_BHWC) };
    },
    draw: (encoding, rng): Tokens => tokensOf(config, encoding, rng),
    keepMask: (mask) => {
      checkMask(mask, layout.scales[0]!, WHO);
      return mask.map((keep) => (keep ? 1 : 0));
    },
    openCanvas: (rows, kept, reads) => new TokenCanvas(canvas, { batch: rows.length, kept, reads }),
    dispose: () => programs.dispose(),
  };
}

/** A sample of the encoding's distribution, or its mean, scaled. Traceable. */
function tokensOf({ latentScale, patch_size }: KlConfig, encoding: Encoding, rng: TraceRng | null): Tokens {
  return { values_BlC: toTokens(tf.mul(drawLatent(encoding, rng, WHO), latentScale), patch_size) };
}

/** What a position shows whose token is not known yet: middle grey. */
const UNKNOWN = 0.5;

/** The compiled programs of one tokenizer, shared by all canvases. */
class KlPrograms {
  readonly #programs: ProgramSet;
  readonly #model: KlVae;

  constructor(engine: Engine, model: KlVae) {
    this.#programs = new ProgramSet(engine, 'kl');
    this.#model = model;
  }

  /** Pixels in [0, 1] -> moments [B, h, w, 2z]. */
  encode(): Program<[Tensor4D], Tensor4D> {
    return this.#programs.once('encode', { axes: ['B . . .'] }, (pixels_BHWC: Tensor4D) =>
      encodeMoments(this.#model, toNetworkRange(pixels_BHWC)),
    );
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
    if (preview === null) throw previewMissing(WHO);
    const shown = (tokens_BLC: Tensor3D, known_BL: Tensor2D): Tensor4D => {
      const pixels_BhwC = linearPreview(preview, latentsOf(this.#model, tokens_BLC));
      const all_BLC = tf.mul(tf.expandDims(known_BL, 2), tf.ones([1, 1, patch_size ** 2])) as Tensor3D;
      const known_Bhw1 = fromTokens(all_BLC, patch_size, klGrid(this.#model.config));
      return tf.add(tf.mul(tf.sub(pixels_BhwC, UNKNOWN), known_Bhw1), UNKNOWN);
    };
    return this.#programs.once('preview', { axes: ['B . .', 'B .'] }, shown);
  }

  dispose(): void {
    this.#programs.dispose();
  }
}

function latentsOf({ config }: KlVae, tokens_BLC: Tensor3D): Tensor4D {
  return tf.div(fromTokens(tokens_BLC, config.patch_size, klGrid(config)), config.latentScale);
}
