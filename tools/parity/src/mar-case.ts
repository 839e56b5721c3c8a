import { type MaskedConfig, maskedEncoderDecoder, type MaskedModel, takeMaskedParams } from '@tessera/backbones';
import { buildBackbone, type BoundBackbone, type Head } from '@tessera/core';
import type { Engine } from '@tessera/engine';
import { TesseraError } from '@tessera/errors';
import { diffusionHead, type DiffusionOptions } from '@tessera/head-diffusion';
import { configOfKlState } from '@tessera/models';
import { klConfig, type KlConfig, klTokenizer, type KlTokenizer } from '@tessera/tokenizer-continuous';
import { type CaseFile, readWeights } from './case-file.ts';
import { CaseWeights } from './case-weights.ts';
import { type CaseConfig, configOf, weightFileOf } from './var-case.ts';

/** Tokenizer, transformers and head of a case, with the weight files that it names. */
export interface MarParts {
  readonly sizes: MarSizes;
  readonly tokenizer: KlTokenizer;
  readonly backbone: BoundBackbone;
  readonly head: Head<DiffusionOptions>;
  /** Weights of transformers and head. */
  readonly weights: CaseWeights;
  /** The transformers once more, to look inside. */
  readonly model: MaskedModel;
  dispose(): void;
}

interface MarPartsOptions {
  readonly engine: Engine;
  /** Makes variables of the transformers' and head's parameters. */
  readonly train?: boolean;
}

export async function openMarParts(file: CaseFile, { engine, train = false }: MarPartsOptions): Promise<MarParts> {
  const config = configOf(file);
  const sizes = marSizes(config, file.name);
  const { tokenizer, frozen } = await openTokenizer(file, { engine, sizes });
  const weights = new CaseWeights(await readWeights(file, weightFileOf(file, 'weights')), { train });
  const { space, layout } = tokenizer;
  const masked: MaskedConfig = maskedEncoderDecoder.config.parse(maskedConfigOf(config, file.name), file.name);
  const backbone = buildBackbone(
    { plugin: maskedEncoderDecoder, config: masked },
    { layout, space },
    { engine, weights },
  );
  const headConfig = diffusionHead.config.parse(diffusionConfigOf(config, file.name), file.name);
  const head = diffusionHead.build(headConfig, { width: backbone.width, space }, { engine, weights });
  const dims = { layout, space };
  return {
    sizes,
    tokenizer,
    backbone,
    head,
    weights,
    model: { config: masked, dims, params: takeMaskedParams(masked, dims, weights.again()) },
    dispose() {
      for (const part of [head, backbone, tokenizer, weights, frozen]) part.dispose();
    },
  };
}

/** Where a case shows no pictures it names no tokenizer: one of zeros stands in, whose tokens are real ones. */
async function openTokenizer(
  file: CaseFile,
  { engine, sizes }: { readonly engine: Engine; readonly sizes: MarSizes },
): Promise<{ tokenizer: KlTokenizer; frozen: CaseWeights }> {
  const { latentScale, side: tokensAcross, patch: patchSize } = sizes;
  if (!hasPictures(file)) {
    const frozen = new CaseWeights(new Map(), { blank: true });
    return { tokenizer: klTokenizer.build(blankConfig(file, sizes), { engine, weights: frozen }), frozen };
  }
  const tensors = await readWeights(file, weightFileOf(file, 'weights_kl'));
  const shapes = new Map([...tensors].map(([name, { shape }]) => [name, shape]));
  const config = configOfKlState(shapes, { who: file.name, tokensAcross, patchSize, latentScale });
  const frozen = new CaseWeights(tensors);
  return { tokenizer: klTokenizer.build(config, { engine, weights: frozen }), frozen };
}

/** Whether the case names a tokenizer to decode with. */
function hasPictures({ metadata }: CaseFile): boolean {
  const path = metadata.get('weights_kl');
  return path !== undefined && path !== 'null';
}

function blankConfig({ name }: CaseFile, { image, stride, patch, latentChannels, latentScale }: MarSizes) {
  const levels = Array.from({ length: Math.log2(stride) + 1 }, () => 1);
  const stack = { ch: 32, ch_mult: levels, num_res_blocks: 1, in_channels: 3, attn_resolutions: [] };
  const latents = { z_channels: latentChannels, resolution: image, patch_size: patch, latentScale };
  return klConfig.parse({ ...stack, ...latents }, name);
}

/** Sizes of a masked model from the official constructor's arguments. */
export interface MarSizes {
  /** Images in pixels, and how many of them one latent spans. */
  readonly image: number;
  readonly stride: number;
  /** Latents along each side of a token. */
  readonly patch: number;
  readonly latentChannels: number;
  /** Tokens along each side. */
  readonly side: number;
  readonly length: number;
  /** Numbers in a token. */
  readonly channels: number;
  readonly classes: number;
  /** Times that each token is noised in training. */
  readonly repeats: number;
  /** Timesteps of sampling, such as `10,0`. */
  readonly respacing: string;
  readonly latentScale: number;
}

/** What published latents are multiplied with. */
const LATENT_SCALE = 0.2325;

export function marSizes(config: CaseConfig, who: string): MarSizes {
  const number = numbersOf(config, who);
  const [image, stride, patch] = [number('img_size'), number('vae_stride'), number('patch_size')];
  const side = image / stride / patch;
  const latentChannels = number('vae_embed_dim');
  return {
    image,
    stride,
    patch,
    latentChannels,
    side,
    length: side * side,
    channels: latentChannels * patch * patch,
    classes: number('class_num'),
    repeats: number('diffusion_batch_mul'),
    respacing: String(config['num_sampling_steps']),
    latentScale: number('latent_scale', LATENT_SCALE),
  };
}

/** The tokenizer's configuration where a case is of the tokenizer alone. */
export function klConfigOf(config: CaseConfig, who: string): KlConfig {
  const number = numbersOf(config, who);
  const { ch, ch_mult, num_res_blocks, in_channels, enc_attn_resolutions: attn_resolutions } = config;
  const given = {
    z_channels: number('embed_dim'),
    resolution: number('resolution'),
    latentScale: number('latent_scale', LATENT_SCALE),
    ...{ ch, ch_mult, num_res_blocks, in_channels, attn_resolutions },
  };
  return klConfig.parse(Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)), who);
}

/** The backbone's configuration. Case files record no dropout. */
function maskedConfigOf(config: CaseConfig, who: string): Readonly<Record<string, unknown>> {
  const number = numbersOf(config, who);
  const stack = (name: string) => ({
    depth: number(`${name}_depth`),
    width: number(`${name}_embed_dim`),
    heads: number(`${name}_num_heads`),
  });
  return {
    classes: number('class_num'),
    encoder: stack('encoder'),
    decoder: stack('decoder'),
    buffer: number('buffer_size'),
    mlpRatio: number('mlp_ratio', 4),
    dropout: 0,
  };
}

/** Widths of the encoder and of the decoder, whose hidden states the head sees. */
export function maskedWidths(config: CaseConfig, who: string): { readonly encoder: number; readonly decoder: number } {
  const number = numbersOf(config, who);
  return { encoder: number('encoder_embed_dim'), decoder: number('decoder_embed_dim') };
}

/** The head's configuration. */
export function diffusionConfigOf(config: CaseConfig, who: string): Readonly<Record<string, unknown>> {
  const number = numbersOf(config, who);
  return { blocks: number('diffloss_d'), width: number('diffloss_w'), repeats: number('diffusion_batch_mul') };
}

function numbersOf(config: CaseConfig, who: string) {
  return (name: string, otherwise?: number): number => {
    const value = config[name] ?? otherwise;
    if (typeof value === 'number') return value;
    throw new TesseraError({
      code: 'case-metadata',
      who,
      got: `${name} = ${JSON.stringify(value)} in the config`,
      expected: 'a number',
    });
  };
}
