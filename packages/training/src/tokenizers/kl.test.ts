import * as tf from '@tensorflow/tfjs';
import { createEngine } from '@tessera/targets';
import { afterAll, describe, expect, it } from 'vitest';
import { scaleStdOf } from './kl.ts';

const engine = createEngine({ threads: 1 });
afterAll(() => engine.dispose());

/** Moments of maps of 2 x 2 latents of one channel: all the same within an image, `level(n)` in image n. */
function flat(count: number, { level, logVariance }: { level: (n: number) => number; logVariance: number }) {
  const read = (members: Int32Array) =>
    Float32Array.from([...members].flatMap((n) => Array.from({ length: 4 }, () => [level(n), logVariance]).flat()));
  return { count, shape: [2, 2, 2], read };
}

describe('scaleStdOf', () => {
  it('gives the mean of an image to the first scale and what differs within it to the next', async () => {
    const before = tf.memory().numTensors;
    // Levels of -3 and 3, and noise of deviation 2: the mean of four has 1, and what is left 2 sqrt(3/4).
    const encoded = flat(4000, { level: (n) => (n % 2 ? 3 : -3), logVariance: Math.log(4) });
    const [coarse, fine] = await scaleStdOf(engine, [1, 2], encoded);
    expect(coarse).toBeCloseTo(Math.sqrt(9 + 1), 1);
    expect(fine).toBeCloseTo(Math.sqrt(3), 1);
    expect(await scaleStdOf(engine, [1, 2], encoded)).toEqual([coarse, fine]);
    expect(tf.memory().numTensors).toBe(before);
  });

  it('looks at images from all of the split', async () => {
    const late = flat(20000, { level: (n) => (n < 10000 ? 0 : 2), logVariance: -30 });
    await expect(scaleStdOf(engine, [2], late)).resolves.toEqual([expect.closeTo(1, 2)]);
  });

  it('refuses a scale that says nothing', async () => {
    const encoded = flat(8, { level: (n) => n, logVariance: -30 });
    await expect(scaleStdOf(engine, [1, 2], encoded)).rejects.toThrow(/at scale 1 of the latents/);
  });
});
