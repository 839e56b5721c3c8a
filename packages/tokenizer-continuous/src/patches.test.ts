import * as tf from '@tensorflow/tfjs';
import { tensorFrom } from '@tessera/engine';
import { createEngine } from '@tessera/targets';
import { describe, expect, it } from 'vitest';
import { fromTokens, toTokens } from './patches.ts';

describe.each(['eager', 'onnx'] as const)('tokens of latents on %s', (target) => {
  it('hold channel, then row, then column of their patch', async () => {
    const engine = createEngine({ target });
    const start = tf.memory().numTensors;
    // A number tells its place: image, row, column, channel.
    const places = [0, 1].flatMap((b) =>
      [0, 1, 2, 3].flatMap((y) => [0, 1, 2, 3].flatMap((x) => [0, 1, 2].map((z) => 1000 * b + 100 * y + 10 * x + z))),
    );
    const latent = tensorFrom(Float32Array.from(places), [2, 4, 4, 3]) as tf.Tensor4D;
    const program = engine.compile(
      (latent_Bhwz: tf.Tensor4D) => {
        const tokens = toTokens(latent_Bhwz, 2);
        const plain = toTokens(latent_Bhwz, 1);
        return { tokens, back: fromTokens(tokens, 2), plain, plainBack: fromTokens(plain, 1) };
      },
      { name: 'patches', axes: ['B . . .'] },
    );
    const { tokens, back, plain, plainBack } = await program(latent);
    expect([tokens.shape, plain.shape]).toEqual([
      [2, 4, 12],
      [2, 16, 3],
    ]);
    const numbers = await tokens.data();
    expect([...numbers.subarray(12, 24)]).toEqual([20, 30, 120, 130, 21, 31, 121, 131, 22, 32, 122, 132]);
    expect([...numbers.subarray(7 * 12, 7 * 12 + 2)]).toEqual([1220, 1230]);
    expect([...(await back.data())]).toEqual(places);
    expect([...(await plain.data())]).toEqual(places);
    expect([...(await plainBack.data())]).toEqual(places);
    tf.dispose([latent, tokens, back, plain, plainBack]);
    engine.dispose();
    expect(tf.memory().numTensors).toBe(start);
  });
});
