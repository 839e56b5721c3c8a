import * as tf from '@tensorflow/tfjs';
import type { Tensor3D, Tensor4D } from '@tensorflow/tfjs';
import {
  asTokens,
  enlarged,
  linearPreview,
  openScaleTokenizer,
  remainder,
  toNetworkRange,
  toPixelRange,
  type Pyramid,
  type ScaleModel,
  type ScaleTokenizer,
  type Size,
} from '@tessera/autoencoder';
import type { BuildContext, TokenizerPlugin } from '@tessera/core';
import { defineTokenizer } from '@tessera/plugin-kit';
import { describeKlScales, klBounds, klImage, klScalesConfig, klScaleSizes, type KlScalesConfig } from './config.ts';
import { decodeLatent, drawLatent, encodeMoments, openKlVae, type KlVae } from './kl-vae.ts';

const WHO = 'tokenizer-continuous';

/** The KL-VAE as a tokenizer of scales, with its network in reach of trainers and tests. */
export interface KlScalesTokenizer extends ScaleTokenizer {
  readonly model: KlVae;
}

type KlScalesTokenizerPlugin = TokenizerPlugin<KlScalesConfig, KlScalesTokenizer>;

/**
 * Tokenizer `kl-scales`: the network and weights of `kl`, its latents taken apart into scales as VAR does with codes
 * (arXiv 2404.02905), for next-scale prediction of continuous tokens. Latents times `latentScale` have a standard deviation
 * of about one over all, and so have the estimates made of them; every scale's part is brought to one by `scaleStd`.
 */
export const klScalesTokenizer: KlScalesTokenizerPlugin = defineTokenizer({
  contract: 1,
  name: 'kl-scales',
  package: '@tessera/tokenizer-continuous',
  config: klScalesConfig,
  sized: { bounds: klBounds, config: (config, picture) => ({ ...config, picture }) },
  describe: describeKlScales,
  build: openKlScalesTokenizer,
});

function openKlScalesTokenizer(config: KlScalesConfig, { engine, weights }: BuildContext): KlScalesTokenizer {
  const model = openKlVae(config, weights);
  const { space, layout } = describeKlScales(config);
  const { in_channels, latentScale } = config;
  const tokenizer = openScaleTokenizer(engine, {
    name: 'kl-scales',
    space,
    layout,
    image: { ...klImage(config), channels: in_channels },
    shown: scaleModel(model, latentPyramid(config)),
    encodes: 'moments',
    encode: (pixels_BHWC) => encodeMoments(model, toNetworkRange(pixels_BHWC)),
    draw: (encoding, rng) => {
      const latent_BHWC = tf.mul<Tensor4D>(drawLatent(encoding, rng, WHO), latentScale);
      return { values_BlC: toScaleTokens(latent_BHWC, config) };
    },
  });
  return { ...tokenizer, model };
}

function scaleModel(model: KlVae, pyramid: Pyramid): ScaleModel {
  const { preview, latentScale } = model.config;
  const latent = (map_BHWC: Tensor4D): Tensor4D => tf.div(map_BHWC, latentScale);
  return {
    who: WHO,
    pyramid,
    decode: (map_BHWC) => toPixelRange(decodeLatent(model, latent(map_BHWC))),
    preview: preview && ((map_BHWC) => linearPreview(preview, latent(map_BHWC))),
  };
}

/**
 * A map of numbers as a sum of scales of these sizes, coarse to fine: [B, H, W, C] -> one [B, l, C] per scale. VAR, algorithm 1,
 * without a codebook; the last scale is what is left, so that nothing is lost. Traceable.
 */
export function takeApart(map_BHWC: Tensor4D, sizes: readonly Size[]): Tensor3D[] {
  let rest_BHWC = map_BHWC;
  return sizes.map((_, scale) => {
    const part_BlC = asTokens(remainder(rest_BHWC, { scale, sizes }));
    if (scale < sizes.length - 1) rest_BHWC = tf.sub(rest_BHWC, enlarged(part_BlC, { scale, sizes }));
    return part_BlC;
  });
}

/** Scaled latents [B, H, W, C] as tokens of all scales [B, L, C]: each scale's part over its standard deviation. */
function toScaleTokens(map_BHWC: Tensor4D, config: KlScalesConfig): Tensor3D {
  const parts = takeApart(map_BHWC, klScaleSizes(config));
  const tokens = parts.map((part, scale) => tf.div<Tensor3D>(part, config.scaleStd[scale]!));
  return tokens.length === 1 ? tokens[0]! : tf.concat(tokens, 1);
}

/** The reverse (VAR, algorithm 2): what the tokens of a scale add to scaled latents. */
function latentPyramid(config: KlScalesConfig): Pyramid {
  const { scaleStd } = config;
  const sizes = klScaleSizes(config);
  return {
    sizes,
    contribution: (tokens_BlC, scale) => enlarged(tf.mul(tokens_BlC, scaleStd[scale]!), { scale, sizes }),
  };
}
