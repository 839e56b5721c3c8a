import * as tf from '@tensorflow/tfjs';
import type { Tensor3D, Tensor4D } from '@tensorflow/tfjs';
import {
  checkImage,
  checkMask,
  defineTokenizer,
  pixelsOf,
  schema,
  TokenCanvas,
  type OutputOf,
} from '@tessera/plugin-kit';

const NAME = '@tessera-examples/tokenizer-patches';

const { object, integer, number, optional, refine, described } = schema;

const config = refine(
  object({
    size: described(integer({ min: 1, max: 4096 }), 'Side of the square images.'),
    channels: described(optional(integer({ min: 1, max: 4 }), 1), '1 for gray, 3 for colour.'),
    patch: described(integer({ min: 1, max: 64 }), 'Side of a patch, which is one token.'),
    mean: described(optional(number({ min: 0, max: 1 }), 0.5), 'Of the pixels: tokens are centred by it ...'),
    deviation: described(optional(number({ min: 0.001, max: 1 }), 0.5), '... and divided by this.'),
  }),
  ({ size, patch }) => (size % patch === 0 ? null : 'a size that is a multiple of patch'),
);

type Config = OutputOf<typeof config>;

/**
 * A token is a patch of pixels, row-major and scaled. It has no weights and loses nothing. In names of tensors B are images,
 * H and W their sides, L all tokens of an image, l some of them, C the channels of a token.
 */
export const patchesTokenizer = defineTokenizer({
  contract: 1,
  name: NAME,
  config,
  describe: factsOf,
  build: (config) => {
    const facts = factsOf(config);
    const { space, layout } = facts;
    const image = { height: config.size, width: config.size, channels: config.channels };
    const show = async (values_BLC: Tensor3D) => pixelsOf(tf.tidy(() => toImages(values_BLC, config)));
    const parts = {
      who: `${NAME} canvas`,
      layout,
      channels: space.channels,
      decode: async (values_1LC: Tensor3D) => (await show(values_1LC))[0]!,
      preview: show,
    };
    return {
      ...facts,
      image,
      // [B, H, W, channels] of pixels in [0, 1] -> what `draw` makes tokens of: here the tokens, [B, L, C].
      encode: async (image_BHWC) => {
        checkImage(image_BHWC, image, NAME);
        return { moments: tf.tidy(() => toTokens(image_BHWC, config)) };
      },
      draw: ({ moments }) => ({ values_BlC: tf.clone(moments!) as Tensor3D }),
      // For edits: a mask of the map of tokens, [L] of 0 and 1, brought to all positions.
      keepMask: (mask) => {
        checkMask(mask, layout.scales[0]!, NAME);
        return mask.map((keep) => (keep ? 1 : 0));
      },
      // The image while it is made. TokenCanvas stores tokens; it shows and decodes them by the functions above.
      openCanvas: (rows, kept, reads) => new TokenCanvas(parts, { batch: rows.length, kept, reads }),
      dispose: () => undefined,
    };
  },
});

function factsOf({ size, channels, patch }: Config) {
  const side = size / patch;
  return {
    space: { kind: 'continuous', channels: patch * patch * channels },
    layout: { length: side * side, scales: [{ start: 0, height: side, width: side }] },
    serves: ['known', 'last'],
  } as const;
}

/** [B, H, W, channels] -> [B, L, C] */
function toTokens(image_BHWC: Tensor4D, { size, channels, patch, mean, deviation }: Config): Tensor3D {
  const side = size / patch;
  const cut = tf.reshape(image_BHWC, [-1, side, patch, side, patch * channels]);
  const values = tf.reshape(tf.transpose(cut, [0, 1, 3, 2, 4]), [-1, side * side, patch * patch * channels]);
  return tf.div(tf.sub(values, mean), deviation);
}

/** The reverse; values beyond black and white are cut off. */
function toImages(values_BLC: Tensor3D, { size, channels, patch, mean, deviation }: Config): Tensor4D {
  const side = size / patch;
  const pixels = tf.clipByValue(tf.add(tf.mul(values_BLC, deviation), mean), 0, 1);
  const cut = tf.transpose(tf.reshape(pixels, [-1, side, side, patch, patch * channels]), [0, 1, 3, 2, 4]);
  return tf.reshape(cut, [-1, size, size, channels]);
}
