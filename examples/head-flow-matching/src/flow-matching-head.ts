import { setImmediate as nextTurn } from 'node:timers/promises';
import * as tf from '@tensorflow/tfjs';
import type { Tensor3D } from '@tensorflow/tfjs';
import { defineHead, schema } from '@tessera/plugin-kit';
import { tensorFrom } from '@tessera/engine';
import { openVelocity } from './velocity.ts';

const { object, integer, number, optional, described } = schema;
const flowSteps = described(optional(integer({ min: 1, max: 1000 }), 20), 'Euler steps a token; fewer are faster.');
const temperature = described(optional(number({ min: 0, max: 10 }), 1), 'Factor on the noise that tokens start from.');

/** Rectified flow (arXiv 2209.03003, section 2): each token goes straight from noise to data, given its hidden state. */
export const flowMatchingHead = defineHead({
  contract: 1,
  name: '@tessera-examples/head-flow-matching',
  space: 'continuous',
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
      sample: async ({ values_RlD, positions_Bl, guided }, { rows, step, weight, rng, options, signal }) => {
        const [R, l] = values_RlD.shape;
        const noise = new Float32Array(positions_Bl.length * C);
        for (const [i, position] of positions_Bl.entries())
          noise.set(rng.normal({ row: Math.floor(i / l), stream: 'flow', step: step.index, position }, C), i * C);
        const x = noise.map((value) => value * options.temperature);
        for (let k = 0; k < options.flowSteps; k++) {
          await nextTurn(); // a cancel arrives here
          signal.throwIfAborted();
          const x_RlC = tensorFrom(guided ? [...x, ...x] : [...x], [R, l, C]);
          const time = tf.tensor1d([k / options.flowSteps]);
          const found = await program(x_RlC, time, values_RlD).finally(() => tf.dispose([x_RlC, time]));
          const speed = await found.data().finally(() => found.dispose());
          const blind = guided ? speed.subarray(x.length) : speed;
          for (const i of x.keys()) x[i]! += (blind[i]! + weight * (speed[i]! - blind[i]!)) / options.flowSteps;
        }
        return { tokens: { values_BlC: tensorFrom(x, [rows.length, l, C]) as Tensor3D } };
      },
      dispose: () => program.dispose(),
    };
  },
});
