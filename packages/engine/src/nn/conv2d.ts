import * as tf from '@tensorflow/tfjs';
import type { Tensor, Tensor2D, Tensor4D } from '@tensorflow/tfjs';
import { TesseraError } from '@tessera/errors';

export interface Conv2dOptions {
  /** Default 1. */
  readonly stride?: number;
  /** Zeros around the image: one number, or [top, bottom, left, right]. Default 0. */
  readonly pad?: number | readonly [number, number, number, number];
}

/**
 * Cross-correlation as in PyTorch's Conv2d: `x_BHWC`, `weight_OIHW`, `bias_O` -> [B, H', W', O], sizes rounded down.
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
  const [top, bottom, left, right] = typeof pad === 'number' ? [pad, pad, pad, pad] : pad;
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
export function addBias(x_BHWC: Tensor4D, bias_O: Tensor): Tensor4D {
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
