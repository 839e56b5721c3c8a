import * as tf from '@tensorflow/tfjs';
import type { Tensor, Tensor4D } from '@tensorflow/tfjs';
import { defineOwnFused, type FusedOp } from '../fused.ts';
import type { Value } from '../trace/graph.ts';

type Op = FusedOp<{ readonly x: Tensor }, object>;
type Four = [number, number, number, number];

const fusedInterleave: Op = defineOwnFused<{ readonly x: Tensor }, object>({
  name: 'TesseraInterleave',
  shape: ({ x }) => shapesOf(x).inner,
  forward: ({ x }) => {
    const { columns, whole, inner } = shapesOf(x);
    const image_BHWC = tf.reshape(tf.transpose(tf.reshape(x, columns), [0, 2, 1, 3]), whole);
    return tf.slice(image_BHWC, [0, 1, 1, 0], inner);
  },
  gradient: ({ dy }) => ({ x: () => fusedSquares({ x: dy }, {}) }),
  lower: ({ inputs }, onnx) => {
    const { columns, whole, inner } = shapesOf(inputs.x!);
    const apart = onnx.op('Reshape', [onnx.name(inputs.x!), onnx.ints(columns)]);
    const image = onnx.op('Reshape', [onnx.op('Transpose', [apart], { perm: [0, 2, 1, 3] }), onnx.ints(whole)]);
    const ends = [inner[1] + 1, inner[2] + 1];
    return onnx.op('Slice', [image, ...[[1, 1], ends, [1, 2]].map((values) => onnx.ints(values))]);
  },
});

/** What `interleave` undoes: every 2 x 2 pixels become one, and a border of zeros stands for the pixels that it drops. */
const fusedSquares: Op = defineOwnFused<{ readonly x: Tensor }, object>({
  name: 'TesseraSquares',
  shape: ({ x }) => squaresOf(x).squares,
  forward: ({ x }) => {
    const { rows, squares } = squaresOf(x);
    const padded = tf.pad(x as Tensor4D, BORDER);
    return tf.reshape(tf.transpose(tf.reshape(padded, rows), [0, 2, 1, 3]), squares);
  },
  gradient: ({ dy }) => ({ x: () => fusedInterleave({ x: dy }, {}) }),
  lower: ({ inputs }, onnx) => {
    const { rows, squares } = squaresOf(inputs.x!);
    const padded = onnx.op('Pad', [onnx.name(inputs.x!), onnx.ints([0, 1, 1, 0, 0, 1, 1, 0])]);
    const apart = onnx.op('Reshape', [padded, onnx.ints(rows)]);
    return onnx.op('Reshape', [onnx.op('Transpose', [apart], { perm: [0, 2, 1, 3] }), onnx.ints(squares)]);
  },
});

/** One pixel around every image. */
export const BORDER: [number, number][] = [
  [0, 0],
  [1, 1],
  [1, 1],
  [0, 0],
];

/** The shapes on the way from squares to the image. */
export function shapesOf({ shape }: Pick<Value, 'shape'>) {
  const [batch, height, width, channels] = shape as Four;
  return {
    columns: [batch * height, width, 2, channels / 2] as Four,
    whole: [batch, 2 * height, 2 * width, channels / 4] as Four,
    inner: [batch, 2 * height - 2, 2 * width - 2, channels / 4] as Four,
  };
}

/** The shapes on the way back. */
export function squaresOf({ shape }: Pick<Value, 'shape'>) {
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
export function interleave(squares_BHWC: Tensor4D): Tensor4D {
  return fusedInterleave({ x: squares_BHWC }, {}) as Tensor4D;
}
