import * as tf from '@tensorflow/tfjs';
import type { Tensor, Tensor2D, Tensor4D } from '@tensorflow/tfjs';
import { TesseraError } from '@tessera/errors';
import { addBias } from './conv2d.ts';
import { BORDER, interleave } from './interleave.ts';

/**
 * Under a filter of 3 rows that stands somewhere in the enlarged image lie two rows of the small one, j - 1 and j. For
 * each of them the filter's rows that meet it, where the filter stands at row 2 j - 1, and where at 2 j.
 */
const MEETS = [
  [
    [1, 1, 0],
    [1, 0, 0],
  ],
  [
    [0, 0, 1],
    [0, 1, 1],
  ],
] as const;

const PAIRS = [
  [0, 0],
  [0, 1],
  [1, 0],
  [1, 1],
] as const;

/** [16, 9]: the small image's row and column, where the filter stands by row and column; by the filter's pixels. */
const SUMS = PAIRS.flatMap(([row, column]) =>
  PAIRS.map(([down, right]) => MEETS[row][down].flatMap((y) => MEETS[column][right].map((x) => y * x))),
);

/**
 * Every pixel repeated to 2 x 2, then a convolution of 3 x 3 with zeros around: `x_BHWC`, `weight_OIHW`, `bias_O` ->
 * [B, 2 H, 2 W, O]. The repeated pixels are never made: the four places of the filter within a pixel are four filters
 * of 2 x 2 on the small image, 4 / 9 of the multiplications.
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
