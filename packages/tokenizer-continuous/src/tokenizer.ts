import * as tf from '@tensorflow/tfjs';
import type { Tensor4D } from '@tensorflow/tfjs';
import { checkImage, checkMask } from '@tessera/autoencoder';
import type {
  BuildContext,
  Encoding,
  Kept,
  Reads,
  Row,
  SpaceShape,
  Tokenizer,
  TokenizerPlugin,
  Tokens,
} from '@tessera/core';
import type { TraceRng } from '@tessera/engine';
import { TesseraError } from '@tessera/errors';
import { KlCanvas } from './canvas.ts';
import { klConfig, klLayout, tokenChannels, type KlConfig } from './config.ts';
import { openKlVae, type KlVae } from './kl-vae.ts';
import { toTokens } from './patches.ts';
import { latentOf } from './posterior.ts';
import { KlPrograms } from './programs.ts';

/** The KL-VAE as a tokenizer, with its network in reach of trainers and tests. */
export interface KlTokenizer extends Tokenizer {
  readonly model: KlVae;
  openCanvas(rows: readonly Row[], kept: Kept | null): KlCanvas;
}

export interface KlTokenizerPlugin extends TokenizerPlugin<KlConfig> {
  build(config: KlConfig, context: BuildContext): KlTokenizer;
}

const SERVES: readonly Reads[] = ['known'];
const WHO = 'tokenizer-continuous';

/** Tokenizer `kl`: a KL-VAE (MAR, arXiv 2406.11838), whose tokens are scaled latents. */
export const klTokenizer: KlTokenizerPlugin = {
  contract: 1,
  kind: 'tokenizer',
  name: 'kl',
  config: klConfig,
  describe: (config) => ({ space: spaceShape(config), layout: klLayout(config), serves: SERVES }),
  build: openKlTokenizer,
};

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
  const parts = { programs, layout, channels: tokenChannels(config) };
  return {
    model,
    space: { ...spaceShape(config), std_S: [1] },
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
    openCanvas: (rows, kept) => new KlCanvas(parts, rows.length, kept),
    dispose: () => programs.dispose(),
  };
}

/** A sample of the encoding's distribution, scaled, from the stream `posterior`. Pure and traceable. */
function tokensOf({ latentScale, patch_size }: KlConfig, { moments }: Encoding, rng: TraceRng): Tokens {
  if (moments === undefined) {
    throw new TesseraError({
      code: 'encoding-without-moments',
      who: WHO,
      got: 'an encoding without moments',
      expected: 'one that a continuous tokenizer made',
    });
  }
  const [batch, height, width, both] = (moments as Tensor4D).shape;
  const noise_Bhwz = rng.normal('posterior', [batch, height, width, both / 2]) as Tensor4D;
  const latent_Bhwz = latentOf(moments as Tensor4D, noise_Bhwz);
  return { values_BlC: toTokens(tf.mul(latent_Bhwz, latentScale), patch_size) };
}
