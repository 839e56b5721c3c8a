import * as tf from '@tensorflow/tfjs';
import type { Tensor, Tensor2D, Tensor4D } from '@tensorflow/tfjs';
import { TesseraError } from '@tessera/errors';
import { defineOwnFused, type FusedOp } from '../fused.ts';
import { SUMS } from './enlarged.ts';
import { filterFormFor, fusedConvInt8 } from './int8-conv.ts';

interface Conv2dOptions {
  /** Default 1. */
  readonly stride?: number;
  /** Zeros around the image: one number, or [top, bottom, left, right]. Default 0. */
  readonly pad?: number | readonly [number, number, number, number];
}

/**
 * Cross-correlation as in PyTorch's Conv2d: `x_BHWC`, `weight_OIHW`, `bias_O` -> [B, H', W', O], sizes rounded down.
 * A filter that the model was opened with in 8 bits is multiplied in 8 bits: see int8-conv.ts.
 * @throws TesseraError `shape-mismatch`
 */
export function conv2d(
  x_BHWC: Tensor4D,
  weight_OIHW: Tensor,
  bias_O?: Tensor | null,
  options: Conv2dOptions = {},
): Tensor4D {
  if (weight_OIHW.rank !== 4 || weight_OIHW.shape[1] !== x_BHWC.shape[3]) {
    throw new TesseraError({
      code: 'shape-mismatch',
      who: 'nn.conv2d',
      got: `x [${x_BHWC.shape}] with a weight of [${weight_OIHW.shape}]`,
      expected: 'a weight of [outputs, inputs, height, width] whose inputs equal the last axis of x',
    });
  }
  const { stride = 1, pad = 0 } = options;
  const [top, bottom, left, right] = typeof pad === 'number' ? ([pad, pad, pad, pad] as const) : pad;
  const form = filterFormFor(weight_OIHW, 'plain');
  if (form) {
    const [, , height, width] = weight_OIHW.shape as Four;
    const inputs = { x: x_BHWC, codes: form.codes_KO, scale: form.scale_O, bias: bias_O ?? undefined };
    return fusedConvInt8(inputs, { kernel: [height, width], stride, pad: [top, bottom, left, right] }) as Tensor4D;
  }
  const weight_HWIO = tf.transpose(weight_OIHW as Tensor4D, [2, 3, 1, 0]);
  const around: [number, number][] = [
    [0, 0],
    [top, bottom],
    [left, right],
    [0, 0],
  ];
  const mapped = tf.conv2d(x_BHWC, weight_HWIO, stride, around as tf.backend_util.ExplicitPadding);
  return bias_O ? addBias(mapped, bias_O) : mapped;
}

/** The bias' gradient is a product with ones, several times as fast as a sum over three axes. */
function addBias(x_BHWC: Tensor4D, bias_O: Tensor): Tensor4D {
  const add = tf.customGrad((x, bias) => ({
    value: tf.add(x as Tensor, bias as Tensor),
    gradFunc: (dy: Tensor) => [dy, sumPixels(dy)],
  }));
  return add(x_BHWC, bias_O) as Tensor4D;
}

function sumPixels(dy_BHWO: Tensor): Tensor {
  const outputs = dy_BHWO.shape[3]!;
  const pixels = dy_BHWO.size / outputs;
  const sums = tf.matMul(tf.ones([1, pixels]) as Tensor2D, tf.reshape(dy_BHWO, [pixels, outputs]) as Tensor2D);
  return tf.reshape(sums, [outputs]);
}

/**
 * Twice the size, every pixel repeated: [B, H, W, C] -> [B, 2H, 2W, C].
 * The gradient is ours, a sum over each 2x2 block: that of tfjs' cpu backend is wrong for batches larger than one.
 */
export function upsample2x(x_BHWC: Tensor4D): Tensor4D {
  const [batch, height, width, channels] = x_BHWC.shape;
  const repeat = tf.customGrad((x) => ({
    value: tf.image.resizeNearestNeighbor(x as Tensor4D, [2 * height, 2 * width]),
    gradFunc: (dy: tf.Tensor) => {
      const rows = tf.sum(tf.reshape(dy, [batch * height, 2, 2 * width * channels]), 1);
      const pixels = tf.sum(tf.reshape(rows, [batch * height * width, 2, channels]), 1);
      return tf.reshape(pixels, x_BHWC.shape);
    },
  }));
  return repeat(x_BHWC) as Tensor4D;
}

/**
 * Every pixel repeated to 2 x 2, then a convolution of 3 x 3 with padding 1: `x_BHWC`, `weight_OIHW`, `bias_O` ->
 * [B, 2 H, 2 W, O]. The enlarged image is never made: the filter's four positions within a pixel become four filters of
 * 2 x 2 on the small image, with 4 / 9 of the multiplications.
 * @throws TesseraError `shape-mismatch`
 */
export function upsampleConv2d(x_BHWC: Tensor4D, weight_OIHW: Tensor, bias_O: Tensor): Tensor4D {
  const [outputs, inputs, ...kernel] = weight_OIHW.shape;
  if (kernel.join() !== '3,3' || inputs !== x_BHWC.shape[3]) {
    throw new TesseraError({
      code: 'shape-mismatch',
      who: 'nn.upsampleConv2d',
      got: `x [${x_BHWC.shape}] with a weight of [${weight_OIHW.shape}]`,
      expected: 'a weight of [outputs, inputs, 3, 3] whose inputs equal the last axis of x',
    });
  }
  const form = filterFormFor(weight_OIHW, 'enlarged');
  if (form) {
    const inputs = { x: x_BHWC, codes: form.codes_KO, scale: form.scale_O, bias: tf.tile(bias_O, [4]) };
    return interleave(fusedConvInt8(inputs, { kernel: [2, 2], stride: 1, pad: [1, 1, 1, 1] }) as Tensor4D);
  }
  const filters_2x2xIxO = filtersOf(weight_OIHW, [inputs, outputs!]);
  const squares = tf.conv2d(tf.pad(x_BHWC, BORDER) as Tensor4D, filters_2x2xIxO, 1, 'valid');
  return addBias(interleave(squares), bias_O);
}

/** The four filters side by side: [2, 2, inputs, 4 outputs]. */
function filtersOf(weight_OIHW: Tensor, [inputs, outputs]: readonly [number, number]): Tensor4D {
  const weight_HWIO = tf.transpose(weight_OIHW as Tensor4D, [2, 3, 1, 0]);
  const sums = tf.matMul(tf.tensor2d(SUMS), tf.reshape(weight_HWIO, [9, inputs * outputs]) as Tensor2D);
  const byPixel = tf.transpose(tf.reshape(sums, [4, 4, inputs, outputs]), [0, 2, 1, 3]);
  return tf.reshape(byPixel, [2, 2, inputs, 4 * outputs]) as Tensor4D;
}

type Op = FusedOp<{ readonly x: Tensor }, object>;
type Four = [number, number, number, number];

export const fusedInterleave: Op = defineOwnFused<{ readonly x: Tensor }, object>({
  name: 'TesseraInterleave',
  shape: ({ x }) => shapesOf(x).inner,
  forward: ({ x }) => {
    const { columns, whole, inner } = shapesOf(x);
    const image_BHWC = tf.reshape(tf.transpose(tf.reshape(x, columns), [0, 2, 1, 3]), whole);
    return tf.slice(image_BHWC, [0, 1, 1, 0], inner);
  },
  gradient: ({ dy }) => ({ x: () => fusedSquares({ x: dy }, {}) }),
});

/** The inverse of `interleave`: every 2 x 2 pixels become one; zeros take the place of the pixels that it drops. */
export const fusedSquares: Op = defineOwnFused<{ readonly x: Tensor }, object>({
  name: 'TesseraSquares',
  shape: ({ x }) => squaresOf(x).squares,
  forward: ({ x }) => {
    const { rows, squares } = squaresOf(x);
    const padded = tf.pad(x as Tensor4D, BORDER);
    return tf.reshape(tf.transpose(tf.reshape(padded, rows), [0, 2, 1, 3]), squares);
  },
  gradient: ({ dy }) => ({ x: () => fusedInterleave({ x: dy }, {}) }),
});

/** One pixel around every image. */
export const BORDER: [number, number][] = [
  [0, 0],
  [1, 1],
  [1, 1],
  [0, 0],
];

/** The shapes from squares to the image, step by step. */
export function shapesOf({ shape }: { readonly shape: readonly number[] }) {
  const [batch, height, width, channels] = shape as Four;
  return {
    columns: [batch * height, width, 2, channels / 2] as Four,
    whole: [batch, 2 * height, 2 * width, channels / 4] as Four,
    inner: [batch, 2 * height - 2, 2 * width - 2, channels / 4] as Four,
  };
}

/** The shapes from the image to squares, step by step. */
export function squaresOf({ shape }: { readonly shape: readonly number[] }) {
  const [batch, tall, wide, channels] = shape as Four;
  const [height, width] = [tall / 2 + 1, wide / 2 + 1];
  return {
    rows: [batch * height, 2, width, 2 * channels] as Four,
    squares: [batch, height, width, 4 * channels] as Four,
  };
}

/**
 * Squares of 2 x 2 pixels side by side, without the outermost pixels: [B, H, W, 4 C] -> [B, 2 H - 2, 2 W - 2, C]. The
 * channels of a square are those of its upper left, upper right, lower left and lower right pixel.
 */
function interleave(squares_BHWC: Tensor4D): Tensor4D {
  return fusedInterleave({ x: squares_BHWC }, {}) as Tensor4D;
}
