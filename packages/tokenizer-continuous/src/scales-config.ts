import { keeping, readsOfScales, scaleLayout, upTo, type Rule } from '@tessera/autoencoder';
import type { Layout, Reads, SpaceShape } from '@tessera/core';
import { schema, type Field } from '@tessera/schema';
import { klFields, klRules, latentSide, whole, type KlConfig } from './config.ts';

/** Configuration of a KL-VAE whose latent map is taken apart into scales; `patch_size` is 1. */
export interface KlScalesConfig extends KlConfig {
  /** Side of the token map of each scale, coarse to fine; the last is the side of the latent map. */
  readonly patch_nums: readonly number[];
  /** Standard deviation of each scale's part of scaled latents: tokens are that part over this. */
  readonly scaleStd: readonly number[];
}

const { object, list, number } = schema;

const fields = object({
  ...klFields,
  patch_nums: list(upTo(1024), { min: 1, max: 64 }),
  scaleStd: list(number({ min: 0 }), { min: 1, max: 64 }),
});

/** @throws TesseraError `field-missing`, `field-invalid`, `field-unknown` or `latent-scale` */
export const klScalesConfig: Field<KlScalesConfig> = schema.field((value, place) => {
  const config = whole(fields.read(value, place));
  return keeping(config, rules(config), place.who);
}, fields.json);

/** What no field can tell alone. */
function rules(config: KlScalesConfig): readonly Rule<KlScalesConfig>[] {
  const { patch_nums, scaleStd, patch_size } = config;
  const side = latentSide(config);
  return [
    ...klRules(config),
    { field: 'patch_size', fits: patch_size === 1, expected: '1: every scale has tokens of one latent' },
    {
      field: 'patch_nums',
      fits: patch_nums.at(-1) === side && patch_nums.every((one, i) => i === 0 || one > patch_nums[i - 1]!),
      expected: `sides that ascend to that of the latent map, ${side}: what comes after it has nothing left`,
    },
    {
      field: 'scaleStd',
      fits: scaleStd.length === patch_nums.length && scaleStd.every((std) => std > 0),
      expected: `${patch_nums.length} numbers above zero, one a scale`,
    },
  ];
}

/** What tokens of this configuration are, where they lie, and which backbones can read them. */
export function describeKlScales({ z_channels, patch_nums }: KlScalesConfig): {
  readonly space: SpaceShape & { readonly kind: 'continuous' };
  readonly layout: Layout;
  readonly serves: readonly Reads[];
} {
  return {
    space: { kind: 'continuous', channels: z_channels },
    layout: scaleLayout(patch_nums),
    serves: readsOfScales(patch_nums.length),
  };
}
