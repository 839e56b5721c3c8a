import * as tf from '@tensorflow/tfjs';
import { defineHead, schema, tensorFrom } from '@tessera/plugin-kit';
import { cancelPoint, doubled, noisePerToken, openMixture, takeNumbers, tokensFrom } from '@tessera/head-kit';
import { openVelocity } from './velocity.ts';

const { object, integer, number, optional, described } = schema;
const flowSteps = described(optional(integer({ min: 1, max: 1000 }), 20), 'Euler steps a token; fewer are faster.');
const temperature = described(optional(number({ min: 0, max: 10 }), 1), 'Factor on the noise that tokens start from.');

/** Rectified flow (arXiv 2209.03003, section 2): each token goes straight from noise to data, given its hidden state. */
export const flowMatchingHead = defineHead({
  contract: 2,
  name: '@tessera-examples/head-flow-matching',
  space: 'continuous',
  mixes: 'velocity', // guidances may mix what it predicts
  config: object({ blocks: integer({ min: 1, max: 64 }), width: integer({ min: 1, max: 4096 }) }),
  options: () => object({ flowSteps, temperature }),
  build: ({ blocks, width }, { width: D, space: { channels: C } }, { engine, weights }) => {
    const velocity = openVelocity(blocks, [C, width, D], weights);
    const program = engine.compile(velocity, { name: 'flow.velocity', axes: ['R l .', '.', 'R l .'] });
    return {
      loss: ({ values_BlD }, { values_BlC }, { rng }) => {
        const time_Bl1 = rng.uniform('flow-time', [...values_BlC.shape.slice(0, 2), 1]);
        const noise_BlC = rng.normal('flow-noise', values_BlC.shape);
        const flow_BlC = tf.sub(values_BlC, noise_BlC);
        const found_BlC = velocity(tf.add(noise_BlC, tf.mul(time_Bl1, flow_BlC)), time_Bl1, values_BlD);
        return tf.mean(tf.squaredDifference(found_BlC, flow_BlC), 2);
      },
      sample: async ({ values_RlD, positions_Bl, guided }, context) => {
        const { rows, options, signal } = context;
        const [R, l] = values_RlD.shape;
        const shape = { kind: 'velocity', tokens: l, stride: C, width: C, groups: [C], guided } as const;
        const mixture = openMixture(shape, context);
        const noise = noisePerToken(positions_Bl, { stream: 'flow', count: C }, context);
        const x = noise.map((value) => value * options.temperature);
        for (let k = 0; k < options.flowSteps; k++) {
          await cancelPoint(signal);
          const x_RlC = tensorFrom(guided ? doubled(x) : x.slice(), [R, l, C]);
          const time = tensorFrom([k / options.flowSteps], [1]);
          const found_RlC = await program(x_RlC, time, values_RlD).finally(() => tf.dispose([x_RlC, time]));
          // From here, data is where a straight line would end.
          const mixed = mixture(await takeNumbers(found_RlC), { state: x, keep: 1, factor: 1 - k / options.flowSteps });
          for (const i of x.keys()) x[i]! += mixed(i) / options.flowSteps;
        }
        return { tokens: { values_BlC: tokensFrom(x, rows, C) } };
      },
      dispose: () => program.dispose(),
    };
  },
});
