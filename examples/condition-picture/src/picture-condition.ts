import type { Tensor, Tensor1D, Tensor2D, Tensor3D, Tensor4D } from '@tensorflow/tfjs';
import * as tf from '@tensorflow/tfjs';
import {
  defineCondition,
  nn,
  pictureField,
  schema,
  tensorFrom,
  type ConditionPart,
  type PictureValue,
  type Weights,
} from '@tessera/plugin-kit';
import { areaWeights } from './area-weights.ts';

const { integer, object, optional, refine } = schema;

const config = object({
  /** Height and width of the pictures, in pixels. */
  side: integer({ min: 1, max: 256 }),
  /** 3: in colour; 1: gray. */
  channels: refine(optional(integer({ min: 1, max: 3 }), 3), (channels) => (channels === 2 ? '1 or 3' : null)),
  /** Convolutions of 3 x 3 pixels, one after the other. */
  depth: optional(integer({ min: 1, max: 16 }), 2),
  /** Their channels. */
  hidden: optional(integer({ min: 1, max: 4096 }), 32),
});

/** What an image is to look like: a small picture of it, for super-resolution. */
export const pictureCondition = defineCondition({
  contract: 2,
  name: '@tessera-examples/condition-picture',
  config,
  describe: () => ({ forms: ['vector', 'map'], classes: null }),
  input: ({ side, channels }) => object({ picture: pictureField({ height: side, width: side, channels }) }),
  build: ({ side, channels, depth, hidden }, { width: D, layout }, { weights }): ConditionPart<Input> => {
    const params = takeParams(weights, { sizes: [channels, ...Array<number>(depth).fill(hidden)], width: D });
    const weights_LP = areaWeights(layout, side);
    const count = side * side * channels;
    return {
      axes: { picture_RHWC: 'R . . .', known_R: 'R' },
      encode: (values) => {
        const R = values.length;
        const all = new Float32Array(R * count);
        for (const [row, value] of values.entries()) if (value) all.set(value.picture.data, row * count);
        return {
          picture_RHWC: tensorFrom(all, [R, side, side, channels]),
          known_R: tensorFrom(
            values.map((value) => (value ? 1 : 0)),
            [R],
          ),
        };
      },
      embed: ({ picture_RHWC, known_R }, dropped_R) => {
        const told_R = dropped_R ? tf.mul(known_R!, tf.cast(tf.logicalNot(dropped_R), 'float32')) : known_R!;
        const pixels_RPD = embedPixels(params, picture_RHWC as Tensor4D, told_R as Tensor1D);
        // Each token of each scale sees the pixels under it: [R, P, D] -> [R, D, P] -> [R, D, L] -> [R, L, D].
        const map_RDL = nn.linear(tf.transpose(pixels_RPD, [0, 2, 1]) as Tensor3D, tf.tensor2d(weights_LP));
        const vector_RD = nn.linear(tf.mean(pixels_RPD, 1) as Tensor2D, params.whole.weight, params.whole.bias);
        return { vector_RD, map_RLD: tf.transpose(map_RDL, [0, 2, 1]) };
      },
      dispose: () => undefined,
    };
  },
});

interface Input {
  readonly picture: PictureValue;
}

interface Layer {
  readonly weight: Tensor;
  readonly bias: Tensor;
}

interface Params {
  /** Filters [3, 3, inputs, outputs]. */
  readonly convolutions: readonly Layer[];
  /** [D, hidden], of each pixel. */
  readonly pixel: Layer;
  /** [D, D], of the mean of all pixels. */
  readonly whole: Layer;
  /** In the place of every pixel where there is no picture, [D]. */
  readonly none: Tensor;
}

interface Sizes {
  /** Channels before and after each convolution. */
  readonly sizes: readonly number[];
  readonly width: number;
}

function takeParams(weights: Weights, { sizes, width: D }: Sizes): Params {
  const layer = (name: string, shape: readonly number[], inputs: number, outputs: number): Layer => ({
    weight: weights.param(`${name}.weight`, shape, {
      init: { kind: 'normal', std: 1 / Math.sqrt(inputs) },
      decay: true,
    }),
    bias: weights.param(`${name}.bias`, [outputs], { init: { kind: 'zeros' }, decay: false }),
  });
  const hidden = sizes.at(-1)!;
  return {
    convolutions: sizes
      .slice(1)
      .map((outputs, i) => layer(`convolutions.${i}`, [3, 3, sizes[i]!, outputs], 9 * sizes[i]!, outputs)),
    pixel: layer('pixel', [D, hidden], hidden, D),
    whole: layer('whole', [D, D], D, D),
    none: weights.param('none', [D], { init: { kind: 'normal', std: 1 }, decay: false }),
  };
}

/** A vector for each pixel, which sees its neighbours; the same for all where there is no picture: [R, P, D]. Traceable. */
function embedPixels({ convolutions, pixel, none }: Params, picture_RHWC: Tensor4D, told_R: Tensor1D): Tensor3D {
  const [R, H, W] = picture_RHWC.shape;
  const features_RHWF = convolutions.reduce<Tensor4D>(
    (x, { weight, bias }) => nn.gelu(tf.add(tf.conv2d(x, weight as Tensor4D, 1, 'same'), bias) as Tensor4D, 'tanh'),
    tf.sub(tf.mul(picture_RHWC, 2), 1) as Tensor4D,
  );
  const flat_RPF = tf.reshape(features_RHWF, [R, H * W, -1]) as Tensor3D;
  const pixels_RPD = nn.linear(flat_RPF, pixel.weight, pixel.bias);
  const told_R11 = tf.reshape(told_R, [R, 1, 1]);
  return tf.add(tf.mul(pixels_RPD, told_R11), tf.mul(none, tf.sub(1, told_R11)));
}
