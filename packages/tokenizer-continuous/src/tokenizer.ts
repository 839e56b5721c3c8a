import * as tf from '@tensorflow/tfjs';
import type { Tensor4D } from '@tensorflow/tfjs';
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
import type { TraceRng } from '@tessera/engine';
import { klConfig, klLayout, tokenChannels, type KlConfig } from './config.ts';
import { openKlVae, type KlVae } from './kl-vae.ts';
import { toTokens } from './patches.ts';
import { drawLatent } from './posterior.ts';
import { KlPrograms } from './programs.ts';

/** The KL-VAE as a tokenizer, with its network in reach of trainers and tests. */
export interface KlTokenizer extends Tokenizer {
  readonly model: KlVae;
}

export type KlTokenizerPlugin = TokenizerPlugin<KlConfig, KlTokenizer>;

const SERVES: readonly Reads[] = ['known', 'last'];
const WHO = 'tokenizer-continuous';

/** Tokenizer `kl`: a KL-VAE (MAR, arXiv 2406.11838), whose tokens are scaled latents. */
export const klTokenizer: KlTokenizerPlugin = defineTokenizer({
  contract: 1,
  name: 'kl',
  package: '@tessera/tokenizer-continuous',
  config: klConfig,
  describe: (config) => ({ space: spaceShape(config), layout: klLayout(config), serves: SERVES }),
  build: openKlTokenizer,
});

function spaceShape(config: KlConfig): SpaceShape & { readonly kind: 'continuous' } {
  return { kind: 'continuous', channels: tokenChannels(config) };
}

/** The parameters stay with whoever gave the weights; `dispose` releases the compiled programs alone. */
function openKlTokenizer(config: KlConfig, { engine, weights }: BuildContext): KlTokenizer {
  const model = openKlVae(config, weights);
  const programs = new KlPrograms(engine, model);
  const layout = klLayout(config);
  const { resolution, in_channels } = config;
  const image = { height: resolution, width: resolution, channels: in_channels };
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

/** A sample of the encoding's distribution, or its mean, scaled. Pure and traceable. */
function tokensOf({ latentScale, patch_size }: KlConfig, encoding: Encoding, rng: TraceRng | null): Tokens {
  return { values_BlC: toTokens(tf.mul(drawLatent(encoding, rng, WHO), latentScale), patch_size) };
}
