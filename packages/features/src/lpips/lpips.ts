import * as tf from '@tensorflow/tfjs';
import type { Scalar, Tensor, Tensor2D, Tensor4D } from '@tensorflow/tfjs';
import type { Weights } from '@tessera/core';
import { nn } from '@tessera/engine';
import { requireImage, toRgb } from '../image-input.ts';

/** Which convolutions LPIPS looks through. Names and indices of layers are those of torchvision's `features`. */
interface Trunk {
  /** Each ends where LPIPS compares features. `pool` is the side of the max pooling before it (stride 2), 0 for none. */
  readonly blocks: readonly { readonly pool: 0 | 2 | 3; readonly convs: readonly Conv[] }[];
  /** Channels of the five blocks. */
  readonly widths: readonly number[];
  /** The smallest image that leaves a pixel after the last block. */
  readonly least: number;
}

interface Conv {
  readonly index: number;
  readonly kernel: number;
  readonly stride: number;
  readonly pad: number;
}

const conv = (index: number, kernel = 3, stride = 1, pad = 1): Conv => ({ index, kernel, stride, pad });

/** VGG16 (Simonyan and Zisserman 2015, table 1, column D) up to relu5_3. */
export const vgg16: Trunk = {
  blocks: [
    { pool: 0, convs: [conv(0), conv(2)] },
    { pool: 2, convs: [conv(5), conv(7)] },
    { pool: 2, convs: [conv(10), conv(12), conv(14)] },
    { pool: 2, convs: [conv(17), conv(19), conv(21)] },
    { pool: 2, convs: [conv(24), conv(26), conv(28)] },
  ],
  widths: [64, 128, 256, 512, 512],
  least: 16,
};

/** AlexNet in one column (Krizhevsky 2014) up to relu5. */
export const alexnet: Trunk = {
  blocks: [
    { pool: 0, convs: [{ index: 0, kernel: 11, stride: 4, pad: 2 }] },
    { pool: 3, convs: [{ index: 3, kernel: 5, stride: 1, pad: 2 }] },
    { pool: 3, convs: [conv(6)] },
    { pool: 0, convs: [conv(8)] },
    { pool: 0, convs: [conv(10)] },
  ],
  widths: [64, 192, 384, 256, 256],
  least: 31,
};

/** LPIPS: a classifier's convolutions and one learned linear layer for each of five feature maps. */
export interface Lpips {
  readonly dims: number;
  /** The five feature maps, shallow to deep. @throws TesseraError `features-image` */
  maps(image_BHWC: Tensor4D): readonly Tensor4D[];
  /** Distance of images in [0, 1], averaged over the batch (Zhang et al. 2018, equation 1). Pure and traceable. */
  distance(a_BHWC: Tensor4D, b_BHWC: Tensor4D): Scalar;
  /** The deepest map, averaged over its positions. */
  features(image_BHWC: Tensor4D): Tensor2D;
}

/** The first constant of the reference's scaling layer for values in [-1, 1], and the second. */
const SHIFT = [-0.03, -0.088, -0.188];
const SCALE = [0.458, 0.448, 0.45];
/** As in the reference's `normalize_tensor`. */
const EPSILON = 1e-10;

/** Builds LPIPS. Weights are named as in PyTorch: `features.0.weight`, `lin0.model.1.weight`. */
export function openLpips(weights: Weights, trunk: Trunk): Lpips {
  const { widths } = trunk;
  let from = 3;
  const blocks = trunk.blocks.map(({ pool, convs }, level) => ({
    pool,
    convs: convs.map((one) => {
      const taken = takeConv(weights, one, { from, to: widths[level]! });
      from = widths[level]!;
      return { ...one, ...taken };
    }),
  }));
  const lines = widths.map((width, level) => weights.param(`lin${level}.model.1.weight`, [1, width, 1, 1], FROZEN));
  const maps = (image_BHWC: Tensor4D): readonly Tensor4D[] => {
    const [, height, width, channels] = image_BHWC.shape;
    requireImage('LPIPS', { height, width, channels }, trunk.least);
    let x = scaled(image_BHWC);
    return blocks.map(({ pool, convs }) => {
      if (pool > 0) x = pool === 2 ? pool2(x) : pool3(x);
      for (const { weight, bias, stride, pad } of convs) x = tf.relu(nn.conv2d(x, weight, bias, { stride, pad }));
      return x;
    });
  };
  return {
    dims: widths.at(-1)!,
    maps,
    distance(a_BHWC, b_BHWC) {
      const [of, other] = [maps(a_BHWC), maps(b_BHWC)];
      const distances = of.map((map, level) => {
        const difference = tf.squaredDifference(nn.normalize(map, EPSILON), nn.normalize(other[level]!, EPSILON));
        return tf.mean(nn.linear(difference, tf.reshape(lines[level]!, [1, widths[level]!]))) as Scalar;
      });
      return tf.addN(distances) as Scalar;
    },
    features: (image_BHWC) => tf.mean(maps(image_BHWC).at(-1)!, [1, 2]) as Tensor2D,
  };
}

/** Max pooling of 2 x 2 at stride 2; an odd last row or column is left out. */
function pool2(x_BHWC: Tensor4D): Tensor4D {
  const [batch, height, width, channels] = x_BHWC.shape;
  const even = tf.slice(x_BHWC, [0, 0, 0, 0], [batch, height - (height % 2), width - (width % 2), channels]);
  return tf.maxPool(even, 2, 2, 'valid');
}

/** Max pooling of 3 x 3 at stride 2, by rows and then columns: targets have no gradient for windows that overlap. */
function pool3(x_BHWC: Tensor4D): Tensor4D {
  return pool3Of(pool3Of(x_BHWC, 1), 2);
}

/** Along one axis: the maximum of places 2 i, 2 i + 1 and 2 i + 2, from the pairs that begin at 2 i and at 2 i + 1. */
function pool3Of(x_BHWC: Tensor4D, axis: 1 | 2): Tensor4D {
  const count = Math.floor((x_BHWC.shape[axis]! - 1) / 2);
  const largestOfPairs = (start: 0 | 1): Tensor => {
    const begin = [0, 0, 0, 0].with(axis, start);
    const size = x_BHWC.shape.with(axis, 2 * count);
    return tf.max(tf.reshape(tf.slice(x_BHWC, begin, size), size.toSpliced(axis, 1, count, 2)), axis + 1);
  };
  return tf.maximum(largestOfPairs(0), largestOfPairs(1));
}

const FROZEN = { init: { kind: 'zeros' }, decay: false } as const;

function takeConv(
  weights: Weights,
  { index, kernel }: Conv,
  { from, to }: { readonly from: number; readonly to: number },
): { readonly weight: Tensor; readonly bias: Tensor } {
  return {
    weight: weights.param(`features.${index}.weight`, [to, from, kernel, kernel], FROZEN),
    bias: weights.param(`features.${index}.bias`, [to], FROZEN),
  };
}

/** Images in [0, 1] as the classifiers were trained on them; gray ones as three equal channels. */
function scaled(image_BHWC: Tensor4D): Tensor4D {
  return tf.div(tf.sub(tf.sub(tf.mul(toRgb(image_BHWC), 2), 1), tf.tensor1d(SHIFT)), tf.tensor1d(SCALE));
}
