import { cases, readConformance } from '@tessera/plugin-kit/conformance';
import * as tf from '@tensorflow/tfjs';
import type { Tensor4D } from '@tensorflow/tfjs';
import { classOf, type Tokenizer, type Weights } from '@tessera/plugin-kit';
import { createEngine } from '@tessera/targets';
import { beforeAll, describe, expect, it } from 'vitest';
import { patchesTokenizer } from './patches-tokenizer.ts';

const weights: Weights = {
  has: () => false,
  param: (name) => {
    throw new Error(`asked for ${name}`);
  },
};
const config = patchesTokenizer.config.parse({ size: 6, channels: 3, patch: 2 }, 'test');
const tokenizer: Tokenizer = patchesTokenizer.build(config, { engine: createEngine({ target: 'eager' }), weights });

beforeAll(() => tf.setBackend('cpu'));

// What the kit is to know, and cases of your own.
const settings = readConformance(new URL('../conformance.json', import.meta.url));

describe('patchesTokenizer', () => {
  for (const { name, run } of cases(patchesTokenizer, settings[patchesTokenizer.name])) it(name, run);

  it('is what it describes', () => {
    const { space, layout, serves } = patchesTokenizer.describe(config);
    expect(tokenizer).toMatchObject({ space, layout, serves });
    expect([layout.length, space.channels]).toEqual([9, 12]);
    expect(() => patchesTokenizer.config.parse({ size: 6, patch: 4 }, 'test')).toThrow('a multiple of patch');
  });

  it('gives back the very picture, one token after the other, and keeps no tensors', async () => {
    const { numTensors } = tf.memory();
    const image = tf.randomUniform([1, 6, 6, 3], 0, 1, 'float32', 1) as Tensor4D;
    const encoding = await tokenizer.encode(image);
    const { values_BlC } = tokenizer.draw(encoding, null);
    const canvas = tokenizer.openCanvas([{ seed: 1, condition: classOf(0) }], null, 'known');
    for (let i = 0; i < 9; i++) {
      const step = { index: i, of: 9, before: 9 - i, after: 8 - i, positions_Bl: Int32Array.of(i) };
      const token = tf.slice(values_BlC, [0, i, 0], [1, 1, 12]);
      await canvas.write(step, { values_BlC: token });
      token.dispose();
    }
    const { data, ...size } = await canvas.render(0);
    expect(size).toEqual({ height: 6, width: 6, channels: 3 });
    const pixels = await image.data();
    expect(Math.max(...data.map((value, i) => Math.abs(value - pixels[i]!)))).toBeLessThan(1e-6);
    canvas.dispose();
    tf.dispose([image, encoding.moments!, values_BlC]);
    expect(tf.memory().numTensors).toBe(numTensors);
  });

  it('shows what is not there yet as the mean', async () => {
    const canvas = tokenizer.openCanvas([{ seed: 1, condition: classOf(0) }], null, 'last');
    const white = tf.ones([1, 1, 12]) as tf.Tensor3D;
    await canvas.write({ index: 0, of: 9, before: 9, after: 8, positions_Bl: Int32Array.of(0) }, { values_BlC: white });
    const [picture] = (await canvas.preview('linear'))!;
    expect([picture!.data[0], picture!.data.at(-1)]).toEqual([1, 0.5]);
    tf.dispose(white);
  });
});
