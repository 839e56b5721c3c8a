import {
  keeping,
  latentChannels,
  pictureField,
  pictureRule,
  readsOfScales,
  squareBounds,
  stackFields,
  stackRules,
  upTo,
  type Rule,
} from '@tessera/autoencoder';
import {
  layoutOf,
  scaleSizes,
  type Layout,
  type PictureSize,
  type Reads,
  type SizeBounds,
  type SpaceShape,
} from '@tessera/core';
import { TesseraError } from '@tessera/errors';
import { schema, type Field, type OutputOf } from '@tessera/schema';

const { object, list, number, optional } = schema;

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

/**
 * Configuration of the KL-VAE (MAR, arXiv 2406.11838, section 4.2; the autoencoder of latent diffusion, arXiv 2112.10752).
 * What is left out takes the value of the published KL-16.
 */
const klFields = {
  /** Channels of the latent map. */
  z_channels: optional(latentChannels, 16),
  ...stackFields,
  ch: optional(stackFields.ch, 128),
  /** Side of the picture in pixels. */
  resolution: optional(side, 256),
  /** Where the encoder attends: at levels of this side. The decoder attends in its middle alone. */
  attn_resolutions: optional(list(side, { max: 12 }), undefined),
  /** Side of the square of latents that makes one token. */
  patch_size: optional(upTo(64), 1),
  /** Tokens are latents times this, which gives them a standard deviation of about one. */
  latentScale,
  picture: pictureField,
} as const;

const fields = object(klFields);

/** With what the fields leave open. */
type Whole<C> = C & { readonly attn_resolutions: readonly number[] };

export type KlConfig = Whole<OutputOf<typeof fields>>;

/** @throws TesseraError `field-missing`, `field-invalid`, `field-unknown` or `latent-scale` */
export const klConfig: Field<KlConfig> = schema.field((value, place) => {
  const config = whole(fields.read(value, place));
  return keeping(config, klRules(config), place.who);
}, fields.json);

/** Without attn_resolutions the encoder attends at the coarsest level. */
function whole<C extends Pick<OutputOf<typeof fields>, 'resolution' | 'ch_mult' | 'attn_resolutions'>>(
  config: C,
): Whole<C> {
  return { ...config, attn_resolutions: config.attn_resolutions ?? [sidesOf(config).at(-1)!] };
}

/** Rules on several fields together. */
function klRules(config: KlConfig): readonly Rule<KlConfig>[] {
  const { z_channels, resolution, attn_resolutions, ch_mult, patch_size } = config;
  const shrinks = stepOf(config);
  const sides = sidesOf(config);
  return [
    {
      field: 'resolution',
      fits: resolution % shrinks === 0,
      expected: `a multiple of ${shrinks}: ${ch_mult.length} levels and tokens of ${patch_size} x ${patch_size} latents`,
    },
    pictureRule({ ...config, step: shrinks }),
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

/** Pixels on a side of a token. */
function stepOf({ ch_mult, patch_size }: Pick<KlConfig, 'ch_mult' | 'patch_size'>): number {
  return 2 ** (ch_mult.length - 1) * patch_size;
}

/** Sizes of pictures that the same weights serve. */
export function klBounds(config: KlConfig): SizeBounds {
  return squareBounds({ side: config.resolution, step: stepOf(config), picture: config.picture });
}

/** Size of the picture in pixels. */
export function klImage(config: KlConfig): PictureSize {
  return klBounds(config).own;
}

/** Size of the map of tokens; of the latent map where `patch_size` is 1. */
export function klGrid(config: KlConfig): PictureSize {
  const { height, width } = klImage(config);
  const step = stepOf(config);
  return { height: height / step, width: width / step };
}

/** Side of the latent map of the square that it was trained on. */
export function latentSide(config: KlConfig): number {
  return sidesOf(config).at(-1)!;
}

/** Channels of a token. */
export function tokenChannels({ z_channels, patch_size }: KlConfig): number {
  return z_channels * patch_size ** 2;
}

/** One row-major map of tokens. */
export function klLayout(config: KlConfig): Layout {
  return layoutOf([klGrid(config)]);
}

/** KL-16 as published with MAR: 256 tokens of 16 channels from a picture of 256 x 256. */
export const kl16: KlConfig = klConfig.parse({ latentScale: 0.2325 }, 'kl16');

/** Configuration of a KL-VAE whose latent map is taken apart into scales; `patch_size` is 1. */
const scalesFields = object({
  ...klFields,
  /** Side of the token map of each scale, coarse to fine; the last is the side of the latent map. */
  patch_nums: list(upTo(1024), { min: 1, max: 64 }),
  /** Standard deviation of each scale's part of scaled latents: tokens are that part over this. */
  scaleStd: list(number({ min: 0 }), { min: 1, max: 64 }),
});

export type KlScalesConfig = Whole<OutputOf<typeof scalesFields>>;

/** @throws TesseraError `field-missing`, `field-invalid`, `field-unknown` or `latent-scale` */
export const klScalesConfig: Field<KlScalesConfig> = schema.field((value, place) => {
  const config = whole(scalesFields.read(value, place));
  return keeping(config, scalesRules(config), place.who);
}, scalesFields.json);

function scalesRules(config: KlScalesConfig): readonly Rule<KlScalesConfig>[] {
  const { patch_nums, scaleStd, patch_size } = config;
  const side = latentSide(config);
  return [
    ...klRules(config),
    { field: 'patch_size', fits: patch_size === 1, expected: '1: every scale has tokens of one latent' },
    {
      field: 'patch_nums',
      fits: patch_nums.at(-1) === side && patch_nums.every((one, i) => i === 0 || one > patch_nums[i - 1]!),
      expected: `sides that ascend to that of the latent map, ${side}: later scales would have nothing left`,
    },
    {
      field: 'scaleStd',
      fits: scaleStd.length === patch_nums.length && scaleStd.every((std) => std > 0),
      expected: `${patch_nums.length} numbers above zero, one a scale`,
    },
  ];
}

/** Size of each scale's token map, coarse to fine. */
export function klScaleSizes(config: KlScalesConfig): readonly PictureSize[] {
  return scaleSizes(config.patch_nums, klGrid(config));
}

/** What its tokens are, where they lie, and which backbones can read them. */
export function describeKlScales(config: KlScalesConfig): {
  readonly space: SpaceShape & { readonly kind: 'continuous' };
  readonly layout: Layout;
  readonly serves: readonly Reads[];
} {
  const { z_channels, patch_nums } = config;
  return {
    space: { kind: 'continuous', channels: z_channels },
    layout: layoutOf(klScaleSizes(config)),
    serves: readsOfScales(patch_nums.length),
  };
}
