import * as tf from '@tensorflow/tfjs';
import type { Tensor2D, Tensor3D, Tensor4D } from '@tensorflow/tfjs';
import {
  checkImage,
  checkMask,
  defineTokenizer,
  evenLevels,
  pixelsOf,
  schema,
  tensorFrom,
  TokenCanvas,
  type OutputOf,
} from '@tessera/plugin-kit';
import { cosines } from './cosines.ts';

const NAME = '@tessera-examples/tokenizer-fsq';

const { object, integer, list, number, optional, refine, described } = schema;

const config = refine(
  object({
    size: described(integer({ min: 1, max: 4096 }), 'Side of the square images.'),
    channels: described(optional(integer({ min: 1, max: 4 }), 1), '1 for gray, 3 for colour.'),
    patch: described(integer({ min: 1, max: 64 }), 'Side of a patch, which is one token.'),
    levels: described(
      list(integer({ min: 2, max: 256 }), { min: 1 }),
      'Of each cosine that is kept, from the slowest on: how many values it may have. An odd number has a zero.',
    ),
    reach: described(
      optional(number({ min: 0.01, max: 1 }), 0.6),
      'Where the values of a cosine end, as a share of its largest; the first one, the mean, has all of it.',
    ),
  }),
  ({ size, patch, levels }) => {
    if (size % patch !== 0) return 'a size that is a multiple of patch';
    return levels.length <= patch * patch ? null : 'at most one number of levels for each pixel of a patch';
  },
);

type Config = OutputOf<typeof config>;

/**
 * A token is a patch of pixels, as a few of its cosines, each rounded to one of a few levels (finite scalar quantization,
 * Mentzer et al., arXiv 2309.15505, of a transform that is fixed). There are as many different tokens as the product of the
 * levels, and no table of them. It has no weights. In names of tensors B are images, H and W their sides, L all tokens of
 * an image, l some of them, C the channels of a token (its cosines, of one colour after the other), P the pixels of a patch.
 */
export const fsqTokenizer = defineTokenizer({
  contract: 2,
  name: NAME,
  config,
  describe: factsOf,
  build: (config) => {
    const { space, layout, serves } = factsOf(config);
    const image = { height: config.size, width: config.size, channels: config.channels };
    const grid = gridOf(config);
    const codebooks = space.factors.map(({ levels }) => tensorFrom(evenLevels(levels), [levels, 1]) as Tensor2D);
    const show = async (values_BLC: Tensor3D) => pixelsOf(tf.tidy(() => toImages(values_BLC, config, grid)));
    const parts = {
      who: `${NAME} canvas`,
      layout,
      channels: space.channels,
      decode: async (values_1LC: Tensor3D) => (await show(values_1LC))[0]!,
      preview: show,
    };
    return {
      space: { ...space, codebooks },
      layout,
      serves,
      image,
      // [B, H, W, channels] of pixels in [0, 1] -> what `draw` makes tokens of: here the tokens, [B, L, C].
      encode: async (image_BHWC) => {
        checkImage(image_BHWC, image, NAME);
        return { moments: tf.tidy(() => toTokens(image_BHWC, config, grid)) };
      },
      draw: ({ moments }) => ({ values_BlC: tf.clone(moments!) as Tensor3D }),
      keepMask: (mask) => {
        checkMask(mask, layout.scales[0]!, NAME);
        return mask.map((keep) => (keep ? 1 : 0));
      },
      openCanvas: (rows, kept, reads) => new TokenCanvas(parts, { batch: rows.length, kept, reads }),
      dispose: () => tf.dispose(codebooks),
    };
  },
});

function factsOf({ size, channels, patch, levels }: Config) {
  const side = size / patch;
  const factors = Array.from({ length: channels }, () =>
    levels.map((count) => ({ levels: count, channels: 1 })),
  ).flat();
  return {
    space: { kind: 'factors', channels: factors.length, factors },
    layout: { length: side * side, scales: [{ start: 0, height: side, width: side }] },
    serves: ['known', 'last'],
  } as const;
}

/** Of each cosine of a patch. */
interface Grid {
  readonly cosines_PK: number[][];
  /** How many levels less one. */
  readonly last_K: number[];
  /** The largest value before rounding. */
  readonly reach_K: number[];
  /** From one level to the next, in tokens. */
  readonly step_K: number[];
}

function gridOf({ patch, levels, reach }: Config): Grid {
  // Pixels around 0 are at most 0.5, so their mean, as a cosine of length 1, is at most half of the side.
  return {
    cosines_PK: cosines(patch, levels.length),
    last_K: levels.map((count) => count - 1),
    reach_K: levels.map((_, k) => (patch / 2) * (k === 0 ? 1 : reach)),
    step_K: levels.map((count) => evenLevels(count)[1]! - evenLevels(count)[0]!),
  };
}

/** [B, H, W, channels] -> [B, L, C] */
function toTokens(image_BHWC: Tensor4D, { size, channels, patch }: Config, grid: Grid): Tensor3D {
  const side = size / patch;
  const cut = tf.transpose(tf.reshape(image_BHWC, [-1, side, patch, side, patch, channels]), [0, 1, 3, 5, 2, 4]);
  const pixels_NP = tf.sub(tf.reshape(cut, [-1, patch * patch]), 0.5) as Tensor2D;
  const { cosines_PK, last_K, reach_K, step_K } = grid;
  const share_NK = tf.div(tf.add(tf.div(tf.matMul(pixels_NP, tf.tensor2d(cosines_PK)), reach_K), 1), 2);
  const level_NK = tf.minimum(tf.maximum(tf.round(tf.mul(share_NK, last_K)), 0), last_K);
  const values_NK = tf.mul(tf.sub(level_NK, tf.div(last_K, 2)), step_K);
  return tf.reshape(values_NK, [-1, side * side, channels * last_K.length]);
}

/** The reverse, without what was rounded away. */
function toImages(values_BLC: Tensor3D, { size, channels, patch }: Config, grid: Grid): Tensor4D {
  const side = size / patch;
  const { cosines_PK, last_K, reach_K, step_K } = grid;
  const values_NK = tf.reshape(values_BLC, [-1, last_K.length]);
  const shares_NK = tf.div(tf.mul(values_NK, 2), tf.mul(step_K, last_K));
  const pixels_NP = tf.matMul(tf.mul(shares_NK, reach_K) as Tensor2D, tf.tensor2d(cosines_PK), false, true);
  const cut = tf.reshape(tf.clipByValue(tf.add(pixels_NP, 0.5), 0, 1), [-1, side, side, channels, patch, patch]);
  return tf.reshape(tf.transpose(cut, [0, 1, 4, 2, 5, 3]), [-1, size, size, channels]);
}
