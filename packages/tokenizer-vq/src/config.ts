import {
  keeping,
  latentChannels,
  pictureField,
  pictureRule,
  squareBounds,
  stackFields,
  stackRules,
  upTo,
  type Rule,
} from '@tessera/autoencoder';
import { layoutOf, scaleSizes, type Layout, type PictureSize, type SizeBounds } from '@tessera/core';
import { schema, type Field, type OutputOf } from '@tessera/schema';

const { object, integer, number, boolean, list, optional } = schema;

/**
 * Configuration of the multi-scale residual VQ-VAE (VAR, arXiv 2404.02905, sections 3.2 and 3.3). Names are those of the
 * official constructors; what is left out takes the official value.
 */
const fields = object({
  /** Entries of the codebook. */
  V: integer({ min: 2, max: 2 ** 20 }),
  /** Channels of the latent map and of a codebook entry. */
  Cvae: latentChannels,
  ...stackFields,
  /** Side of the token map of each scale, coarse to fine; the last is the side of the latent map. */
  patch_nums: list(upTo(1024), { min: 1, max: 64 }),
  /** How much of phi is a convolution; its sign is ignored, and below 1e-6 phi is the identity. */
  quant_resi: optional(number(), 0.5),
  /** 0: every scale has a phi of its own; 1: one for all; n: n that neighbouring scales share. */
  share_quant_resi: optional(integer({ min: 0, max: 64 }), 4),
  /** Number of phis when share_quant_resi is 0; 0 means one per scale. */
  default_qresi_counts: optional(integer({ min: 0, max: 64 }), 0),
  /** Choose codes by direction alone. */
  using_znorm: optional(boolean(), false),
  /** Weight of the commitment part of the quantiser's loss. */
  beta: optional(number({ min: 0 }), 0.25),
  quant_conv_ks: optional(upTo(31), 3),
  picture: pictureField,
});

export type VqConfig = OutputOf<typeof fields>;

/** @throws TesseraError `field-missing`, `field-invalid` or `field-unknown`, naming the field. */
export const vqConfig: Field<VqConfig> = schema.field((value, place) => {
  const config = fields.read(value, place);
  return keeping(config, rules(config), place.who);
}, fields.json);

/** Rules on several fields together. */
function rules(config: VqConfig): readonly Rule<VqConfig>[] {
  const { patch_nums, quant_conv_ks, Cvae } = config;
  const last = mapSide(config);
  return [
    ...stackRules(config, Cvae),
    pictureRule({ ...config, step: stepOf(config) }),
    { field: 'quant_conv_ks', fits: quant_conv_ks % 2 === 1, expected: 'an odd kernel size, which keeps the map size' },
    {
      field: 'patch_nums',
      fits: patch_nums.every((side) => side <= last),
      expected: 'no scale larger than the last, which is the latent map',
    },
  ];
}

/** Side of the latent map. */
function mapSide(config: VqConfig): number {
  return config.patch_nums.at(-1)!;
}

/** Pixels on a side of a token. */
function stepOf({ ch_mult }: VqConfig): number {
  return 2 ** (ch_mult.length - 1);
}

/** Sizes of pictures that the same weights serve. */
export function vqBounds(config: VqConfig): SizeBounds {
  const step = stepOf(config);
  return squareBounds({ side: mapSide(config) * step, step, picture: config.picture });
}

/** Size of the picture in pixels. */
export function imageSize(config: VqConfig): PictureSize {
  return vqBounds(config).own;
}

/** Size of each scale's token map, coarse to fine. */
export function vqScales(config: VqConfig): readonly PictureSize[] {
  const { height, width } = imageSize(config);
  const step = stepOf(config);
  return scaleSizes(config.patch_nums, { height: height / step, width: width / step });
}

/** All scales one after the other, each row-major. */
export function vqLayout(config: VqConfig): Layout {
  return layoutOf(vqScales(config));
}
