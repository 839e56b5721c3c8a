import * as tf from '@tensorflow/tfjs';
import type { Tensor } from '@tensorflow/tfjs';
import { defineOwnFused } from '../fused.ts';

interface Inputs {
  readonly x: Tensor;
}

export const fusedSilu = defineOwnFused<Inputs, object>({
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
});

/** `x * sigmoid(x)`. */
export function silu<T extends Tensor>(x: T): T {
  return fusedSilu({ x }, {}) as T;
}

type GeluForm = 'tanh' | 'erf';

interface Attrs {
  readonly form: GeluForm;
}

const SQRT_2_OVER_PI = Math.sqrt(2 / Math.PI);
const CUBIC = 0.044715;

export const fusedGelu = defineOwnFused<Inputs, Attrs>({
  name: 'TesseraGelu',
  shape: ({ x }) => x.shape,
  forward: ({ x }, { form }) => {
    const squashed =
      form === 'erf'
        ? tf.erf(tf.mul(x, Math.SQRT1_2))
        : tf.tanh(tf.mul(SQRT_2_OVER_PI, tf.add(x, tf.mul(CUBIC, tf.mul(x, tf.square(x))))));
    return tf.mul(tf.mul(x, 0.5), tf.add(1, squashed));
  },
  gradient: ({ dy, inputs: { x }, y, attrs }) => ({
    x: () => tf.mul(dy, attrs.form === 'erf' ? erfSlope(x) : tanhSlope(x, y)),
  }),
});

/** With s = sigmoid(2u) for (1 + tanh u) / 2, y = x s: the slope is s + y (1 - s) 2 du/dx. */
function tanhSlope(x: Tensor, y: Tensor): Tensor {
  const inner = tf.add(tf.mul(tf.square(x), 2 * SQRT_2_OVER_PI * CUBIC), 2 * SQRT_2_OVER_PI);
  const s = tf.sigmoid(tf.mul(x, inner));
  const twiceSlope = tf.sub(tf.mul(inner, 3), 4 * SQRT_2_OVER_PI);
  const pull = tf.mul(y, twiceSlope);
  return tf.sub(tf.add(s, pull), tf.mul(s, pull));
}

/** The normal distribution function plus x times its density. */
function erfSlope(x: Tensor): Tensor {
  const below = tf.add(tf.mul(tf.erf(tf.mul(x, Math.SQRT1_2)), 0.5), 0.5);
  const density = tf.mul(tf.exp(tf.mul(tf.square(x), -0.5)), 1 / Math.sqrt(2 * Math.PI));
  return tf.add(below, tf.mul(x, density));
}

/** Gaussian error linear unit (Hendrycks & Gimpel 2016): exact by `erf`, or the paper's `tanh` approximation. */
export function gelu<T extends Tensor>(x: T, form: GeluForm): T {
  return fusedGelu({ x }, { form }) as T;
}
