import * as tf from '@tensorflow/tfjs';
import type { Tensor2D, Tensor3D, Tensor4D } from '@tensorflow/tfjs';
import {
  checkImage,
  defineTokenizer,
  pixelsOf,
  TokenCanvas,
  type BuildContext,
  type Canvas,
  type Encoding,
  type Kept,
  type Reads,
  type Row,
  type SpaceShape,
  type TokenCanvasParts,
  type Tokenizer,
  type TokenizerPlugin,
  type Tokens,
} from '@tessera/core';
import { TesseraError } from '@tessera/errors';
import { estimatesOf } from './accumulate.ts';
import { VqCanvas } from './canvas.ts';
import { imageSide, vqConfig, vqLayout, type VqConfig } from './config.ts';
import { keepMask } from './keep-mask.ts';
import { VqPrograms } from './programs.ts';
import { lookUp } from './quantizer.ts';
import { openVqVae, type VqVae } from './vq-vae.ts';

/** The VQ-VAE as a tokenizer, with its network in reach of trainers and tests. */
export interface VqTokenizer extends Tokenizer {
  readonly model: VqVae;
  openCanvas(rows: readonly Row[], kept: Kept | null, reads: 'estimate'): VqCanvas;
  openCanvas(rows: readonly Row[], kept: Kept | null, reads: Reads): Canvas;
}

export type VqTokenizerPlugin = TokenizerPlugin<VqConfig, VqTokenizer>;

/** One scale alone has no coarser ones to estimate it from. */
const servesOf = ({ patch_nums }: VqConfig): readonly Reads[] =>
  patch_nums.length > 1 ? ['estimate', 'known', 'last'] : ['known', 'last'];

/** Tokenizer `vq`: a multi-scale residual VQ-VAE (VAR, arXiv 2404.02905); with a single scale, a plain VQ-VAE. */
export const vqTokenizer: VqTokenizerPlugin = defineTokenizer({
  contract: 1,
  name: 'vq',
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
  const { quantizer } = model;
  const programs = new VqPrograms(engine, model);
  const layout = vqLayout(config);
  const side = imageSide(config);
  const image = { height: side, width: side, channels: config.in_channels };
  const running = { programs, layout, channels: config.Cvae };
  const scattered: TokenCanvasParts = {
    ...running,
    who: 'tokenizer-vq canvas',
    decode: async (values_1LC) => (await pixelsOf(await programs.decodeTokens()(values_1LC)))[0]!,
    preview: async (values_BLC, known_BL) => pixelsOf(await programs.previewTokens()(values_BLC, known_BL)),
  };
  function openCanvas(rows: readonly Row[], kept: Kept | null, reads: 'estimate'): VqCanvas;
  function openCanvas(rows: readonly Row[], kept: Kept | null, reads: Reads): Canvas;
  function openCanvas(rows: readonly Row[], kept: Kept | null, reads: Reads): Canvas {
    if (reads === 'estimate') return new VqCanvas(running, rows.length, kept);
    return new TokenCanvas(scattered, { batch: rows.length, kept, reads });
  }
  const several = layout.scales.length > 1;
  return {
    model,
    space: { ...spaceShape(config), codebook_VC: quantizer.codebook_VC },
    layout,
    serves: servesOf(config),
    image,
    async encode(image_BHWC: Tensor4D): Promise<Encoding> {
      checkImage(image_BHWC, image, 'tokenizer-vq');
      return { index_BL: await programs.encode()(image_BHWC) };
    },
    draw: (encoding): Tokens => tokensOf(model, encoding),
    ...(several && { estimates: (values_BLC: Tensor3D): Tensor3D => estimatesOf(quantizer, values_BLC) }),
    keepMask: (mask) => keepMask(layout, mask),
    openCanvas,
    dispose: () => programs.dispose(),
  };
}

/** Codes of all positions. Pure and traceable; nothing is random. */
function tokensOf({ quantizer }: VqVae, { index_BL }: Encoding): Tokens {
  if (index_BL !== undefined)
    return { values_BlC: lookUp(quantizer, index_BL), index_Bl: tf.clone(index_BL) as Tensor2D };
  throw new TesseraError({
    code: 'encoding-without-index',
    who: 'tokenizer-vq',
    got: 'an encoding without index_BL',
    expected: 'one that a discrete tokenizer made',
  });
}
