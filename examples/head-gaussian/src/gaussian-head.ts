import * as tf from '@tensorflow/tfjs';
import type { Tensor3D } from '@tensorflow/tfjs';
import { defineHead, nn, schema } from '@tessera/plugin-kit';
import { guidedNumber, noisePerToken, takeNumbers, tokensFrom } from '@tessera/head-kit';

const { object, number, optional, described } = schema;

/**
 * A normal distribution for every number of a token: its mean and the logarithm of its deviation, from one layer. In names
 * of tensors B are images, R rows (with guidance each image has two), l the tokens of a step, C the channels of a token, D
 * the width of a hidden state.
 */
export const gaussianHead = defineHead({
  contract: 1,
  name: '@tessera-examples/head-gaussian',
  space: 'continuous',
  // In model.json, when the head is built.
  config: object({ start: described(optional(number({ min: 0 }), 0.02), 'Deviation of fresh weights.') }),
  // In each request: what `--set` and the page offer.
  options: () =>
    object({ temperature: described(optional(number({ min: 0, max: 10 }), 1), 'Factor on every deviation.') }),
  build: ({ start }, { width, space: { channels: C } }, { engine, weights }) => {
    const matrix = weights.param('weight', [2 * C, width], { init: { kind: 'normal', std: start }, decay: true });
    const bias = weights.param('bias', [2 * C], { init: { kind: 'zeros' }, decay: false });
    // [R, l, D] -> [R, l, 2 C]: means, then logarithms of deviations.
    const layer = (hidden: Tensor3D): Tensor3D => nn.linear(hidden, matrix, bias);
    const program = engine.compile(layer, { name: 'gaussian', axes: ['R l .'] });
    return {
      // -log of the density of each token, up to a constant: [B, l, D] and [B, l, C] -> [B, l]. Pure tfjs, so that gradients
      // can be taken.
      loss: ({ values_BlD }, { values_BlC }) => {
        const [mean, spread] = tf.split(layer(values_BlD), 2, 2);
        const distance = tf.div(tf.sub(values_BlC, mean!), tf.exp(spread!));
        return tf.mean(tf.add(tf.mul(tf.square(distance), 0.5), spread!), 2);
      },
      // Draws the tokens of one step: [R, l, D] -> [B, l, C].
      sample: async ({ values_RlD, positions_Bl, guided }, context) => {
        const { rows, weight, options, signal } = context;
        signal.throwIfAborted();
        // Where guided, the second half of the rows saw no class: `mixed(i)` is u + w (c - u) of the i-th number.
        const mixed = guidedNumber(await takeNumbers(await program(values_RlD)), { guided, weight });
        // It depends on the row's seed, the step and the position alone: an image is the same in any batch.
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
