import { TesseraError } from '@tessera/errors';
import { klConfig, type KlConfig } from '@tessera/tokenizer-continuous';
import type { CaseConfig } from './case-config.ts';

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
export function maskedConfigOf(config: CaseConfig, who: string): Readonly<Record<string, unknown>> {
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
