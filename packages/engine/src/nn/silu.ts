import * as tf from '@tensorflow/tfjs';
import type { Tensor } from '@tensorflow/tfjs';
import { defineOwnFused } from '../fused.ts';

interface Inputs {
  readonly x: Tensor;
}

const fusedSilu = defineOwnFused<Inputs, object>({
  name: 'TesseraSilu',
  shape: ({ x }) => x.shape,
  forward: ({ x }) => tf.mul(x, tf.sigmoid(x)),
  gradient: ({ dy, inputs: { x }, y }) => ({
    // d/dx x s = s + y (1 - s), one pass shorter than through the parts
    x: () => {
      const s = tf.sigmoid(x);
      return tf.mul(dy, tf.sub(tf.add(s, y), tf.mul(s, y)));
    },
  }),
  lower: ({ inputs }, onnx) => onnx.op('QuickGelu', [onnx.name(inputs.x!)], { alpha: { float: 1 } }, 'com.microsoft'),
});

/** `x * sigmoid(x)`. */
export function silu<T extends Tensor>(x: T): T {
  return fusedSilu({ x }, {}) as T;
}
