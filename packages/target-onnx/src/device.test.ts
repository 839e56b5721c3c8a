import * as tf from '@tensorflow/tfjs';
import type { Tensor, Tensor2D } from '@tensorflow/tfjs';
import { afterAll, describe, expect, it } from 'vitest';
import { makeEngine, tensorFrom } from '@tessera/engine';
import { graphTarget, type DeviceNumbers, type GraphTarget } from '@tessera/engine/target';
import type { OrtNumbers } from '@tessera/onnx-graph';
import { onnxGraphs } from './target.ts';

/** A device whose numbers are far away: they can be read later alone, and each read and release is counted. */
const FAR = { name: 'far', inMemory: false };
const counts = { uploaded: 0, read: 0, alive: 0 };

class FarNumbers implements DeviceNumbers {
  readonly device = FAR;
  readonly near: OrtNumbers;
  #isReleased = false;

  constructor(near: DeviceNumbers) {
    this.near = near as OrtNumbers;
    counts.alive += 1;
  }

  read() {
    counts.read += 1;
    return this.near.read();
  }

  readSync(): never {
    throw new Error('far numbers are read later');
  }

  release() {
    if (this.#isReleased) throw new Error('released twice');
    this.#isReleased = true;
    counts.alive -= 1;
  }
}

/** ONNX Runtime as if it computed on that device. */
function farTarget(): GraphTarget {
  const { upload, build, ...near } = onnxGraphs({ threads: 1 });
  return {
    ...near,
    device: FAR,
    async upload(numbers) {
      counts.uploaded += 1;
      return new FarNumbers(await upload(numbers));
    },
    async build(model, options) {
      const program = await build(model, options);
      const run = async (feeds: readonly DeviceNumbers[]) =>
        (await program.run(feeds.map((feed) => (feed as FarNumbers).near))).map((one) => new FarNumbers(one));
      return { run, release: () => program.release() };
    },
  };
}

const engine = makeEngine({ target: graphTarget(farTarget()) });
const double = engine.compile((x: Tensor2D) => tf.mul(x, 2) as Tensor2D, { name: 'double', axes: ['n .'] });
afterAll(() => engine.dispose());

describe('numbers on a device', () => {
  it('go from program to program without a trip through memory', async () => {
    const before = { ...counts };
    const x = tensorFrom([1, 2], [1, 2]) as Tensor2D;
    const once = await double(x);
    const twice = await double(once);
    expect(counts).toEqual({ uploaded: before.uploaded + 1, read: before.read, alive: before.alive + 2 });
    expect([...(await twice.data())]).toEqual([4, 8]);
    expect(counts.read).toBe(before.read + 1);
    tf.dispose([x, once, twice]);
    expect(counts.alive).toBe(before.alive);
  });

  it('live until the last tensor and the last run that needs them', async () => {
    const before = counts.alive;
    const x = await double(tensorFrom([1, 2], [1, 2]) as Tensor2D);
    const running = double(x);
    x.dispose(); // as soon as the call has been made
    const y = await running;
    expect([...(await y.data())]).toEqual([4, 8]);
    y.dispose();
    expect(counts.alive).toBe(before);
  });

  it('leave nothing behind over many runs', async () => {
    const chain = async () => {
      const given = tensorFrom([1, 2], [1, 2]) as Tensor2D;
      const x = await double(given);
      tf.dispose([given, x, await double(x)]);
    };
    await chain();
    const [alive, tensors] = [counts.alive, tf.memory().numTensors];
    for (let i = 0; i < 50; i++) await chain();
    expect([counts.alive, tf.memory().numTensors]).toEqual([alive, tensors]);
  });

  it('grow there: a cache that is appended to is never read', async () => {
    const before = { ...counts };
    const cache = engine.growing({ count: 2, shape: [2], rows: 4 });
    for (const value of [1, 2, 3]) {
      const x = tensorFrom([value, -value], [1, 2]) as Tensor2D;
      await cache.append([await double(x), await double(x)]);
      x.dispose();
    }
    const [first, second] = cache.view() as [Tensor, Tensor];
    expect(counts.read).toBe(before.read);
    expect(first.shape).toEqual([3, 2]);
    expect([...(await first.data())]).toEqual([2, -2, 4, -4, 6, -6]);
    tf.dispose([first, second]);
    cache.release();
    expect(counts.alive).toBe(before.alive);
  });
});
