import * as tf from '@tensorflow/tfjs';
import type { Tensor } from '@tensorflow/tfjs';
import { nn, type Weights } from '@tessera/plugin-kit';

const FREQUENCIES = Array.from({ length: 32 }, (_, i) => 1000 * 10000 ** (-i / 32));

/**
 * The velocity of tokens: noisy tokens [..., C], times in [0, 1] as [..., 1], and hidden states [..., D] -> [..., C]. A
 * residual MLP of width W that sees time and hidden state in every block; a fresh one answers 0.
 */
export function openVelocity(blocks: number, [C, W, D]: readonly [number, number, number], weights: Weights) {
  const linear = (name: string, to = W, from = W, gain = 1) => {
    const weight = weights.param(name, [to, from], { init: { kind: 'normal', std: gain / from ** 0.5 }, decay: false });
    return (x: Tensor): Tensor => nn.linear(x, weight);
  };
  const [input, output] = [linear('input', W, C), linear('output', C, W, 0)];
  const [clock, hidden] = [linear('time', W, 2 * FREQUENCIES.length), linear('hidden', W, D)];
  const layers = [...Array(blocks).keys()].map((i) => [linear(`${i}.mood`), linear(`${i}.in`), linear(`${i}.out`)]);
  return (x: Tensor, time: Tensor, state: Tensor): Tensor => {
    const angle = tf.mul(time, tf.tensor1d(FREQUENCIES));
    const condition = nn.silu(tf.add(hidden(state), clock(tf.concat([tf.cos(angle), tf.sin(angle)], -1))));
    const block = (seen: Tensor, [shift, inner, outer]: (typeof layers)[number]): Tensor =>
      tf.add(seen, outer!(nn.silu(tf.add(inner!(nn.layerNorm(seen, 1e-6)), shift!(condition)))));
    return output(nn.layerNorm(layers.reduce(block, input(x)), 1e-6));
  };
}
