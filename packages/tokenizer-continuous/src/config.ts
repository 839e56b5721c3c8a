import {
  keeping,
  latentChannels,
  stackFields,
  stackRules,
  upTo,
  type LinearPreview,
  type Rule,
} from '@tessera/autoencoder';
import type { Layout } from '@tessera/core';
import { schema, type Field } from '@tessera/schema';
import { TesseraError } from '@tessera/errors';

/**
 * Configuration of the KL-VAE (MAR, arXiv 2406.11838, section 4; the autoencoder of latent diffusion, arXiv 2112.10752).
 * What is left out takes the value of the published KL-16.
 */
export interface KlConfig {
  /** Channels of the latent map. */
  readonly z_channels: number;
  /** Width of the first level; level i has ch * ch_mult[i] channels. Each level but the last halves the picture. */
  readonly ch: number;
  readonly ch_mult: readonly number[];
  readonly num_res_blocks: number;
  /** Channels of the picture: 3 for colour, 1 for grey. */
  readonly in_channels: number;
  /** Side of the picture in pixels. */
  readonly resolution: number;
  /** Where the encoder attends: at levels of this side. The decoder attends in its middle alone. */
  readonly attn_resolutions: readonly number[];
  /** Groups of every group normalisation; they divide the channels of every level. */
  readonly groups: number;
  /** Side of the square of latents that makes one token. */
  readonly patch_size: number;
  /** Tokens are latents times this, which gives them a standard deviation of about one. */
  readonly latentScale: number;
  /** Of latents, before they are scaled. */
  readonly preview: LinearPreview | null;
}

const { object, list, optional } = schema;

const latentScale: Field<number> = schema.field(
  (value, { who }) => {
    if (typeof value === 'number' && value > 0 && value < Infinity) return value;
    throw new TesseraError({
      code: 'latent-scale',
      who,
      got:
        value === undefined
          ? 'no latentScale'
          : `latentScale = ${typeof value === 'number' ? value : JSON.stringify(value)}`,
      expected: 'a number above zero',
      next: 'Give 1 over the standard deviation of the latents; it is 0.2325 for the published KL-16.',
    });
  },
  {
    type: 'number',
    exclusiveMinimum: 0,
    description: 'Tokens are latents times this: 1 over their standard deviation.',
  },
);

const side = upTo(8192);

/** The fields of the KL-VAE's configuration, for plug-ins that add to them. */
export const klFields = {
  z_channels: optional(latentChannels, 16),
  ...stackFields,
  ch: optional(stackFields.ch, 128),
  resolution: optional(side, 256),
  attn_resolutions: optional(list(side, { max: 12 }), undefined),
  patch_size: optional(upTo(64), 1),
  latentScale,
} as const;

const fields = object(klFields);

/** @throws TesseraError `field-missing`, `field-invalid`, `field-unknown` or `latent-scale` */
export const klConfig: Field<KlConfig> = schema.field((value, place) => {
  const config = whole(fields.read(value, place));
  return keeping(config, klRules(config), place.who);
}, fields.json);

/** Without attn_resolutions the encoder attends at the coarsest level. */
export function whole<C extends Pick<KlConfig, 'resolution' | 'ch_mult'>>(
  config: C & { readonly attn_resolutions: readonly number[] | undefined },
): C & Pick<KlConfig, 'attn_resolutions'> {
  return { ...config, attn_resolutions: config.attn_resolutions ?? [sidesOf(config).at(-1)!] };
}

/** What no field can tell alone. */
export function klRules(config: KlConfig): readonly Rule<KlConfig>[] {
  const { z_channels, resolution, attn_resolutions, ch_mult, patch_size } = config;
  const shrinks = 2 ** (ch_mult.length - 1) * patch_size;
  const sides = sidesOf(config);
  return [
    {
      field: 'resolution',
      fits: resolution % shrinks === 0,
      expected: `a multiple of ${shrinks}: ${ch_mult.length} levels and tokens of ${patch_size} x ${patch_size} latents`,
    },
    ...stackRules(config, z_channels),
    {
      field: 'attn_resolutions',
      fits: attn_resolutions.every((one) => sides.includes(one)),
      expected: `sides of levels (${sides.join(', ')})`,
    },
  ];
}

/** Side of every level, fine to coarse. */
function sidesOf({ resolution, ch_mult }: Pick<KlConfig, 'resolution' | 'ch_mult'>): number[] {
  return ch_mult.map((_, level) => resolution / 2 ** level);
}

/** Whether the encoder attends at this level. */
export function encoderAttends(config: KlConfig, level: number): boolean {
  return config.attn_resolutions.includes(sidesOf(config)[level]!);
}

/** Side of the latent map. */
export function latentSide(config: KlConfig): number {
  return sidesOf(config).at(-1)!;
}

/** Channels of a token. */
export function tokenChannels({ z_channels, patch_size }: KlConfig): number {
  return z_channels * patch_size ** 2;
}

/** One row-major map of tokens. */
export function klLayout(config: KlConfig): Layout {
  const tokens = latentSide(config) / config.patch_size;
  return { length: tokens ** 2, scales: [{ start: 0, height: tokens, width: tokens }] };
}

/** KL-16 as published with MAR: 256 tokens of 16 channels from a picture of 256 x 256. */
export const kl16: KlConfig = klConfig.parse({ latentScale: 0.2325 }, 'kl16');
