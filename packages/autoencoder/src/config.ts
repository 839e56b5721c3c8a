import type { PictureSize, SizeBounds } from '@tessera/core';
import { schema, type Field } from '@tessera/schema';
import { TesseraError } from '@tessera/errors';
import type { Levels } from './encoder-decoder.ts';
import type { LinearPreview } from './preview.ts';

const { object, integer, number, list, optional } = schema;

/** Far above any trained model, and small enough that a damaged file cannot exhaust the memory. */
export const upTo = (max: number): Field<number> => integer({ min: 1, max });

const most = { latent: 4096, colours: 4 } as const;

const colour = list(number(), { max: most.colours });
const fitted = object({ weight: list(colour, { max: most.latent }), bias: colour });

/** Null where none was fitted, so that a configuration that was read can be stored and read again. */
const preview: Field<LinearPreview | null> = schema.field(
  (value, place) => (value === undefined || value === null ? null : fitted.read(value, place)),
  fitted.json,
);

/** Channels of a latent map. */
export const latentChannels = upTo(most.latent);

/** The fields that every convolutional autoencoder's configuration has; what is left out takes the official value. */
export const stackFields = {
  /** Width of the first level; level i has ch * ch_mult[i] channels. Each level but the last halves the picture. */
  ch: upTo(4096),
  ch_mult: optional(list(upTo(64), { min: 1, max: 12 }), [1, 1, 2, 2, 4]),
  num_res_blocks: optional(upTo(64), 2),
  /** Channels of the picture: 3 for colour, 1 for grey. */
  in_channels: optional(upTo(most.colours), 3),
  /** Groups of every group normalisation; they divide the channels of every level. */
  groups: optional(upTo(4096), 32),
  /** How latents look; `kl`: before they are scaled. */
  preview,
} as const;

const pixels = upTo(2 ** 15);

/** Size of the picture in pixels where it is not the square that the other fields describe: the same weights serve both. */
export const pictureField: Field<PictureSize | undefined> = optional(
  object({ height: pixels, width: pixels }),
  undefined,
);

/** How many times smaller and larger than the trained side other pictures may be. */
const RANGE = 2;

interface SquareSizes {
  /** Side of the square that the weights were trained on, in pixels. */
  readonly side: number;
  /** Pixels on a side of a token. */
  readonly step: number;
  readonly picture?: PictureSize | undefined;
}

/**
 * The sizes that a convolutional autoencoder serves: its layers take any map. From half of the trained side to twice as
 * much, since farther away a generator makes nothing that can be recognised, and time grows with the square of the tokens.
 */
export function squareBounds({ side, step, picture }: SquareSizes): SizeBounds {
  const own = picture ?? { height: side, width: side };
  return { own, step, least: Math.ceil(side / RANGE / step) * step, most: RANGE * side };
}

/** The rule of `pictureField`. */
export function pictureRule({
  picture,
  step,
}: Pick<SquareSizes, 'picture' | 'step'>): Rule<{ readonly picture: unknown }> {
  const fits = !picture || [picture.height, picture.width].every((one) => one % step === 0);
  return { field: 'picture', fits, expected: `multiples of ${step} pixels, the side of a token` };
}

/** A rule on several fields together. */
export interface Rule<C> {
  readonly field: keyof C & string;
  readonly fits: boolean;
  readonly expected: string;
}

/** Returns the configuration if it keeps every rule. @throws TesseraError `field-invalid`, naming the field */
export function keeping<C>(config: C, rules: readonly Rule<C>[], who: string): C {
  const broken = rules.find(({ fits }) => !fits);
  if (broken === undefined) return config;
  const { field, expected } = broken;
  const got = `${field} = ${JSON.stringify(config[field]).slice(0, 120)}`;
  throw new TesseraError({ code: 'field-invalid', who, got, expected, next: `Correct ${field}.` });
}

interface StackConfig extends Levels {
  readonly groups: number;
  readonly in_channels: number;
  readonly preview: LinearPreview | null;
}

/** Groups divide the channels of every level, and a preview maps the latent's channels to the picture's. */
export function stackRules(config: StackConfig, latent: number): readonly Rule<StackConfig>[] {
  const { ch, ch_mult, groups, in_channels, preview: map } = config;
  const widths = [1, ...ch_mult].map((times) => ch * times);
  const fitting =
    map === null ||
    (map.weight.length === latent &&
      map.weight.every((row) => row.length === in_channels) &&
      map.bias.length === in_channels);
  return [
    {
      field: 'groups',
      fits: widths.every((width) => width % groups === 0),
      expected: `a divisor of the channels of every level (${widths.join(', ')})`,
    },
    {
      field: 'preview',
      fits: fitting,
      expected: `a weight of [${latent}][${in_channels}] and a bias of [${in_channels}]`,
    },
  ];
}
