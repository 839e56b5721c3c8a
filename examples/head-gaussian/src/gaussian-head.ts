import * as tf from '@tensorflow/tfjs';
import type { Tensor3D } from '@tensorflow/tfjs';
import { defineHead, schema } from '@tessera/plugin-kit';
import { nn, tensorFrom } from '@tessera/engine';

const { object, number, optional, described } = schema;

/** A normal distribution for every number of a token: its mean and the logarithm of its deviation, from one layer. */
export const gaussianHead = defineHead({
  contract: 1,
  name: '@tessera-examples/head-gaussian',
  space: 'continuous',
  config: object({ start: described(optional(number({ min: 0 }), 0.02), 'Deviation of fresh weights.') }),
  options: () =>
    object({ temperature: described(optional(number({ min: 0, max: 10 }), 1), 'Factor on every deviation.') }),
  build: ({ start }, { width, space: { channels: C } }, { engine, weights }) => {
    const matrix = weights.param('weight', [2 * C, width], { init: { kind: 'normal', std: start }, decay: true });
    const bias = weights.param('bias', [2 * C], { init: { kind: 'zeros' }, decay: false });
    const layer = (hidden: Tensor3D): Tensor3D => nn.linear(hidden, matrix, bias);
    const program = engine.compile(layer, { name: 'gaussian', axes: ['R l .'] });
    return {
      loss: ({ values_BlD }, { values_BlC }) => {
        const [mean, spread] = tf.split(layer(values_BlD), 2, 2);
        const distance = tf.div(tf.sub(values_BlC, mean!), tf.exp(spread!));
        return tf.mean(tf.add(tf.mul(tf.square(distance), 0.5), spread!), 2);
      },
      sample: async ({ values_RlD, positions_Bl, guided }, { rows, step, weight, rng, options, signal }) => {
        signal.throwIfAborted();
        const found_RlC = await program(values_RlD);
        const seeing = await found_RlC.data().finally(() => found_RlC.dispose());
        const blind = guided ? seeing.subarray(seeing.length / 2) : seeing;
        const mixed = (i: number): number => blind[i]! + weight * (seeing[i]! - blind[i]!);
        const l = positions_Bl.length / rows.length;
        const tokens = [...positions_Bl].flatMap((position, i) => {
          const noise = rng.normal({ row: Math.floor(i / l), stream: 'gaussian', step: step.index, position }, C);
          const deviation = (c: number): number => options.temperature * Math.exp(mixed((2 * i + 1) * C + c));
          return Array.from(noise, (value, c) => mixed(2 * i * C + c) + deviation(c) * value);
        });
        return { tokens: { values_BlC: tensorFrom(tokens, [rows.length, l, C]) as Tensor3D } };
      },
      dispose: () => program.dispose(),
    };
  },
});
