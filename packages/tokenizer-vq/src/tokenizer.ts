import * as tf from '@tensorflow/tfjs';
import type { Tensor2D, Tensor3D, Tensor4D } from '@tensorflow/tfjs';
import {
  estimatesOf,
  keepMask,
  linearPreview,
  ProgramSet,
  readsOfScales,
  scaleCanvases,
  ScalePrograms,
  toNetworkRange,
  toPixelRange,
  type OpenScaleCanvas,
  type ScaleModel,
} from '@tessera/autoencoder';
import {
  checkImage,
  type BuildContext,
  type Encoding,
  type Reads,
  type SpaceShape,
  type Tokenizer,
  type TokenizerPlugin,
  type Tokens,
} from '@tessera/core';
import { defineTokenizer } from '@tessera/plugin-kit';
import { TesseraError } from '@tessera/errors';
import { pyramidOf } from './accumulate.ts';
import { imageSide, vqConfig, vqLayout, type VqConfig } from './config.ts';
import { quantize } from './quantize.ts';
import { lookUp } from './quantizer.ts';
import { decodeFeatures, encodeFeatures, openVqVae, type VqVae } from './vq-vae.ts';

const WHO = 'tokenizer-vq';

/** The VQ-VAE as a tokenizer, with its network in reach of trainers and tests. */
export interface VqTokenizer extends Tokenizer {
  readonly model: VqVae;
  readonly openCanvas: OpenScaleCanvas;
}

export type VqTokenizerPlugin = TokenizerPlugin<VqConfig, VqTokenizer>;

const servesOf = ({ patch_nums }: VqConfig): readonly Reads[] => readsOfScales(patch_nums.length);

/** Tokenizer `vq`: a multi-scale residual VQ-VAE (VAR, arXiv 2404.02905); with a single scale, a plain VQ-VAE. */
export const vqTokenizer: VqTokenizerPlugin = defineTokenizer({
  contract: 1,
  name: 'vq',
  package: '@tessera/tokenizer-vq',
  config: vqConfig,
  describe: (config) => ({ space: spaceShape(config), layout: vqLayout(config), serves: servesOf(config) }),
  build: openVqTokenizer,
});

function spaceShape({ Cvae, V }: VqConfig): SpaceShape & { readonly kind: 'discrete' } {
  return { kind: 'discrete', channels: Cvae, vocabulary: V };
}

/** The parameters stay with whoever gave the weights; `dispose` releases the compiled programs alone. */
function openVqTokenizer(config: VqConfig, { engine, weights }: BuildContext): VqTokenizer {
  const model = openVqVae(config, weights);
  const programs = new ProgramSet(engine, 'vq');
  const layout = vqLayout(config);
  const side = imageSide(config);
  const image = { height: side, width: side, channels: config.in_channels };
  const shown = scaleModel(model);
  const { pyramid } = shown;
  return {
    model,
    space: { ...spaceShape(config), codebook_VC: model.quantizer.codebook_VC },
    layout,
    serves: servesOf(config),
    image,
    async encode(image_BHWC: Tensor4D): Promise<Encoding> {
      checkImage(image_BHWC, image, WHO);
      const indices = (pixels_BHWC: Tensor4D): Tensor2D => indicesOf(model, pixels_BHWC);
      return { index_BL: await programs.once('encode', { axes: ['B . . .'] }, indices)(image_BHWC) };
    },
    draw: (encoding): Tokens => tokensOf(model, encoding),
    ...(layout.scales.length > 1 && { estimates: (values_BLC: Tensor3D) => estimatesOf(pyramid, values_BLC) }),
    keepMask: (mask) => keepMask(layout, mask, WHO),
    openCanvas: scaleCanvases({
      who: `${WHO} canvas`,
      programs: new ScalePrograms(programs, shown),
      layout,
      channels: config.Cvae,
    }),
    dispose: () => programs.dispose(),
  };
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

/** Pixels in [0, 1] -> int32 indices of all scales [B, L]. */
function indicesOf(model: VqVae, pixels_BHWC: Tensor4D): Tensor2D {
  const features_BHWC = encodeFeatures(model, toNetworkRange(pixels_BHWC));
  const { index_Bl } = quantize(model.quantizer, features_BHWC);
  return index_Bl.length === 1 ? index_Bl[0]! : tf.concat([...index_Bl], 1);
}

/** Codes of all positions. Pure and traceable; nothing is random. */
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
