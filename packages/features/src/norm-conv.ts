import * as tf from '@tensorflow/tfjs';
import type { Tensor, Tensor4D } from '@tensorflow/tfjs';
import type { Weights } from '@tessera/core';
import { nn } from '@tessera/engine';

/** A convolution without bias, and the batch normalisation after it, of a trained network. */
export interface NormConv {
  readonly from: number;
  readonly to: number;
  readonly kernel: readonly [height: number, width: number];
  readonly stride?: number;
  /** Zeros around: a number of rows and columns, or `same` as TensorFlow does it. Default 0. */
  readonly pad?: readonly [rows: number, columns: number] | 'same';
  /** Every channel by itself, padded as `same`; `from` equals `to`. */
  readonly depthwise?: boolean;
}

interface Names {
  /** Of the convolution and of the normalisation in the weights: `NAME.weight`, `NAME.running_mean`. */
  readonly conv: string;
  readonly norm: string;
}

const FROZEN = { init: { kind: 'zeros' }, decay: false } as const;
/** Of TensorFlow's classifiers and their ports. */
const EPSILON = 1e-3;

/** Takes the weights of both, and gives them as one function: the normalisation's scale goes into the filters. */
export function takeNormConv(weights: Weights, spec: NormConv, { conv, norm }: Names): (x_BHWC: Tensor4D) => Tensor4D {
  const { from, to, kernel, stride = 1, pad = [0, 0], depthwise = false } = spec;
  const weight_OIHW = weights.param(`${conv}.weight`, [to, depthwise ? 1 : from, ...kernel], FROZEN);
  const [scale, shift, mean, variance] = ['weight', 'bias', 'running_mean', 'running_var'].map((name) =>
    weights.param(`${norm}.${name}`, [to], FROZEN),
  ) as [Tensor, Tensor, Tensor, Tensor];
  return (x_BHWC) => {
    const factor = tf.mul(scale, tf.rsqrt(tf.add(variance, EPSILON)));
    const filter = tf.mul(weight_OIHW, tf.reshape(factor, [to, 1, 1, 1])) as Tensor4D;
    const bias = tf.sub(shift, tf.mul(mean, factor));
    return tf.add(convolve(x_BHWC, filter, { stride, pad, depthwise }), bias);
  };
}

function convolve(
  x_BHWC: Tensor4D,
  filter_OIHW: Tensor4D,
  { stride, pad, depthwise }: Required<Pick<NormConv, 'stride' | 'pad' | 'depthwise'>>,
): Tensor4D {
  if (depthwise) {
    return tf.depthwiseConv2d(x_BHWC, tf.transpose(filter_OIHW, [2, 3, 0, 1]), stride, 'same');
  }
  if (pad === 'same') return tf.conv2d(x_BHWC, tf.transpose(filter_OIHW, [2, 3, 1, 0]), stride, 'same');
  const [rows, columns] = pad;
  return nn.conv2d(x_BHWC, filter_OIHW, null, { stride, pad: [rows, rows, columns, columns] });
}
