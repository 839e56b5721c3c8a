import * as tf from '@tensorflow/tfjs';
import type { Tensor3D } from '@tensorflow/tfjs';
import { defineHead, nn, schema } from '@tessera/plugin-kit';
import { guidedNumber, noisePerToken, takeNumbers, tokensFrom } from '@tessera/head-kit';

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
      sample: async ({ values_RlD, positions_Bl, guided }, context) => {
        const { rows, weight, options, signal } = context;
        signal.throwIfAborted();
        const mixed = guidedNumber(await takeNumbers(await program(values_RlD)), { guided, weight });
        const noise = noisePerToken(positions_Bl, { stream: 'gaussian', count: C }, context);
        const tokens = noise.map((value, i) => {
          const mean = 2 * i - (i % C); // a token has C means, then C deviations
          return mixed(mean) + options.temperature * Math.exp(mixed(mean + C)) * value;
        });
        return { tokens: { values_BlC: tokensFrom(tokens, rows, C) } };
      },
      dispose: () => program.dispose(),
    };
  },
});
