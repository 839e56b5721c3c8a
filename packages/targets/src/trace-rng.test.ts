import * as tf from '@tensorflow/tfjs';
import { isTesseraError } from '@tessera/errors';
import { afterAll, describe, expect, it } from 'vitest';
import { createEngine } from './targets.ts';
import { keyWords, traceRng } from '@tessera/engine/target';

const engine = createEngine({ target: 'onnx', threads: 1 });
afterAll(() => engine.dispose());

function uniform(key: number, stream = 'mask', shape = [50, 40]): Float32Array {
  return tf.tidy(() =>
    traceRng(tf.tensor1d(keyWords(key, 0), 'int32'))
      .uniform(stream, shape)
      .dataSync(),
  ) as Float32Array;
}

function correlation(a: Float32Array, b: Float32Array): number {
  return a.reduce((sum, x, i) => sum + (x - 0.5) * (b[i]! - 0.5), 0) / a.length / (1 / 12);
}

describe('traceRng', () => {
  it('gives the same bits in a graph as eagerly', async () => {
    const program = engine.compile(
      (key: tf.Tensor) => {
        const rng = traceRng(key);
        return [rng.uniform('mask', [50, 40]), rng.normal('noise', [3, 5])];
      },
      { name: 'draw' },
    );
    const key = tf.tensor1d(keyWords(5, 0), 'int32');
    const [u, n] = (await program(key)) as [tf.Tensor, tf.Tensor];
    expect(u.dataSync()).toEqual(uniform(5));
    const eager = tf.tidy(() => traceRng(key).normal('noise', [3, 5]).dataSync());
    eager.forEach((x, i) => expect(n.dataSync()[i]).toBeCloseTo(x, 5));
    tf.dispose([u, n, key]);
    program.dispose();
  });

  it('is uniform, and independent between keys, streams, parts and positions', () => {
    const size = 100_000;
    const base = uniform(5, 'a', [size]);
    const mean = base.reduce((a, b) => a + b, 0) / size;
    expect(Math.abs(mean - 0.5)).toBeLessThan(0.005);
    expect(base.every((x) => x >= 0 && x < 1)).toBe(true);
    const counts = new Array<number>(64).fill(0);
    for (const x of base) counts[Math.floor(64 * x)]! += 1;
    const chiSquare = counts.reduce((sum, count) => sum + (count - size / 64) ** 2 / (size / 64), 0);
    expect(chiSquare).toBeLessThan(110); // 63 degrees of freedom: one in 5000 above
    const others = [
      uniform(6, 'a', [size]),
      uniform(5, 'b', [size]),
      Float32Array.from(base, (_, i) => base[(i + 1) % size]!),
    ];
    for (const other of others) expect(Math.abs(correlation(base, other))).toBeLessThan(0.015);
    expect(keyWords(5, 0)).not.toEqual(keyWords(5, 1));
    expect(keyWords(5, 0)).not.toEqual(keyWords(5 + 2 ** 32, 0));
  });

  it('has normal moments', () => {
    tf.tidy(() => {
      const { mean, variance } = tf.moments(traceRng(tf.tensor1d(keyWords(9, 0), 'int32')).normal('noise', [100_000]));
      expect(Math.abs(mean.dataSync()[0]!)).toBeLessThan(0.015);
      expect(Math.abs(variance.dataSync()[0]! - 1)).toBeLessThan(0.02);
    });
  });

  it('refuses to draw a stream twice', () => {
    tf.tidy(() => {
      const rng = traceRng(tf.tensor1d(keyWords(1, 0), 'int32'));
      rng.uniform('mask', [2]);
      try {
        rng.normal('mask', [2]);
        expect.unreachable();
      } catch (error) {
        expect(isTesseraError(error) && error.code).toBe('stream-reused');
      }
    });
  });
});
