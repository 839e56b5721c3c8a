import * as tf from '@tensorflow/tfjs';
import type { Tensor2D, Tensor4D } from '@tensorflow/tfjs';
import {
  linearPreview,
  openScaleTokenizer,
  readsOfScales,
  toNetworkRange,
  toPixelRange,
  type ScaleModel,
  type ScaleTokenizer,
} from '@tessera/autoencoder';
import type { BuildContext, Encoding, SpaceShape, TokenizerPlugin, Tokens } from '@tessera/core';
import { TesseraError } from '@tessera/errors';
import { defineTokenizer } from '@tessera/plugin-kit';
import { imageSize, vqBounds, vqConfig, vqLayout, type VqConfig } from './config.ts';
import { lookUp, pyramidOf, quantize } from './quantizer.ts';
import { decodeFeatures, encodeFeatures, openVqVae, type VqVae } from './vq-vae.ts';

const WHO = 'tokenizer-vq';

/** The VQ-VAE as a tokenizer, with its network in reach of trainers and tests. */
export interface VqTokenizer extends ScaleTokenizer {
  readonly model: VqVae;
}

type VqTokenizerPlugin = TokenizerPlugin<VqConfig, VqTokenizer>;

/** Tokenizer `vq`: a multi-scale residual VQ-VAE (VAR, arXiv 2404.02905); with a single scale, a plain VQ-VAE. */
export const vqTokenizer: VqTokenizerPlugin = defineTokenizer({
  contract: 1,
  name: 'vq',
  package: '@tessera/tokenizer-vq',
  config: vqConfig,
  sized: { bounds: vqBounds, config: (config, picture) => ({ ...config, picture }) },
  describe: (config) => ({
    space: spaceShape(config),
    layout: vqLayout(config),
    serves: readsOfScales(config.patch_nums.length),
  }),
  build: openVqTokenizer,
});

function spaceShape({ Cvae, V }: VqConfig): SpaceShape & { readonly kind: 'discrete' } {
  return { kind: 'discrete', channels: Cvae, vocabulary: V };
}

function openVqTokenizer(config: VqConfig, { engine, weights }: BuildContext): VqTokenizer {
  const model = openVqVae(config, weights);
  const tokenizer = openScaleTokenizer(engine, {
    name: 'vq',
    space: { ...spaceShape(config), codebook_VC: model.quantizer.codebook_VC },
    layout: vqLayout(config),
    image: { ...imageSize(config), channels: config.in_channels },
    shown: scaleModel(model),
    encodes: 'index_BL',
    encode: (pixels_BHWC) => indicesOf(model, pixels_BHWC),
    draw: (encoding) => tokensOf(model, encoding),
  });
  return { ...tokenizer, model };
}

function scaleModel(model: VqVae): ScaleModel {
  const { preview } = model.config;
  return {
    who: WHO,
    pyramid: pyramidOf(model.quantizer),
    decode: (map_BHWC) => toPixelRange(decodeFeatures(model, map_BHWC)),
    preview: preview && ((map_BHWC) => linearPreview(preview, map_BHWC)),
  };
}

/** Pixels in [0, 1] -> int32 indices of all scales [B, L]. Traceable. */
function indicesOf(model: VqVae, pixels_BHWC: Tensor4D): Tensor2D {
  const features_BHWC = encodeFeatures(model, toNetworkRange(pixels_BHWC));
  const { index_Bl } = quantize(model.quantizer, features_BHWC);
  return index_Bl.length === 1 ? index_Bl[0]! : tf.concat([...index_Bl], 1);
}

/** Codes of all positions; nothing is random. Traceable. */
function tokensOf({ quantizer }: VqVae, { index_BL }: Encoding): Tokens {
  if (index_BL !== undefined)
    return { values_BlC: lookUp(quantizer, index_BL), index_Bl: tf.clone(index_BL) as Tensor2D };
  throw new TesseraError({
    code: 'encoding-without-index',
    who: WHO,
    got: 'an encoding without index_BL',
    expected: 'one that a discrete tokenizer made',
  });
}
