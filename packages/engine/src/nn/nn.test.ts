import * as tf from '@tensorflow/tfjs';
import { isTesseraError } from '@tessera/errors';
import { describe, expect, it } from 'vitest';
import { nn } from './nn.ts';

/** Fixed numbers between -1 and 1 that repeat nowhere. */
function numbers(shape: readonly number[], phase = 1): tf.Tensor {
  const size = shape.reduce((a, b) => a * b, 1);
  return tf.tensor(
    Float32Array.from({ length: size }, (_, i) => Math.sin(12.9898 * (i + 1) * phase)),
    [...shape],
  );
}

/** Compares the gradient along a fixed direction with a central difference. */
function checkGradient(fn: (...xs: tf.Tensor[]) => tf.Tensor, xs: tf.Tensor[]): void {
  tf.tidy(() => {
    const loss = (...ys: tf.Tensor[]): tf.Scalar => {
      const y = fn(...ys);
      return tf.sum(tf.mul(y, numbers(y.shape, 0.37)));
    };
    const gradients = tf.grads(loss)(xs);
    for (const [i, x] of xs.entries()) {
      const direction = numbers(x.shape, 0.73);
      const at = (step: number): number =>
        loss(...xs.map((other, j) => (i === j ? tf.add(x, tf.mul(direction, step)) : other))).dataSync()[0]!;
      const slope = (at(1e-2) - at(-1e-2)) / 2e-2;
      const expected = tf.sum(tf.mul(gradients[i]!, direction)).dataSync()[0]!;
      expect(Math.abs(slope - expected), `argument ${i}: ${slope} against ${expected}`).toBeLessThan(
        0.01 * Math.max(1, Math.abs(expected)),
      );
    }
  });
}

const cases: [string, (...xs: tf.Tensor[]) => tf.Tensor, number[][]][] = [
  ['linear', (x, w, b) => nn.linear(x!, w!, b), [[2, 3, 4], [5, 4], [5]]],
  ['layerNorm', (x, w, b) => nn.layerNorm(x!, 1e-6, w, b), [[2, 3, 8], [8], [8]]],
  ['groupNorm', (x, w, b) => nn.groupNorm(x as tf.Tensor4D, w!, b!, 2, 1e-6), [[2, 3, 4, 6], [6], [6]]],
  ['silu', (x) => nn.silu(x!), [[3, 4]]],
  ['gelu tanh', (x) => nn.gelu(x!, 'tanh'), [[3, 4]]],
  ['gelu erf', (x) => nn.gelu(x!, 'erf'), [[3, 4]]],
  ['normalize', (x) => nn.normalize(x!, 1e-12), [[3, 4]]],
  [
    'attention',
    (q, k, v, bias) => nn.attention(q as tf.Tensor4D, k as tf.Tensor4D, v as tf.Tensor4D, 0.7, bias),
    [
      [2, 3, 4, 5],
      [2, 3, 6, 5],
      [2, 3, 6, 5],
      [1, 1, 4, 6],
    ],
  ],
  [
    'conv2d',
    (x, w, b) => nn.conv2d(x as tf.Tensor4D, w!, b, { stride: 2, pad: [0, 1, 0, 1] }),
    [[2, 6, 6, 3], [4, 3, 3, 3], [4]],
  ],
  ['upsample2x', (x) => nn.upsample2x(x as tf.Tensor4D), [[2, 3, 2, 2]]],
  ['upsampleConv2d', (x, w, b) => nn.upsampleConv2d(x as tf.Tensor4D, w!, b!), [[2, 2, 3, 2], [3, 2, 3, 3], [3]]],
  ['resize', (x) => nn.resize(x as tf.Tensor4D, 5, 7, 'bicubic'), [[2, 3, 4, 2]]],
  ['embedding', (table) => nn.embedding(table!, tf.tensor([3, 1, 3, 0], [2, 2], 'int32')), [[4, 3]]],
  ['crossEntropy', (x) => nn.crossEntropy(x as tf.Tensor2D, tf.tensor1d([2, 0, 2], 'int32')), [[3, 5]]],
  ['crossEntropy, smooth', (x) => nn.crossEntropy(x as tf.Tensor2D, tf.tensor1d([2, 0, 2], 'int32'), 0.1), [[3, 5]]],
];

describe('nn', () => {
  it.each(cases)('%s has the gradient of finite differences', (_, fn, shapes) => {
    const xs = shapes.map((shape, i) => numbers(shape, 1 + i));
    const before = tf.memory().numTensors;
    checkGradient(fn, xs);
    expect(tf.memory().numTensors).toBe(before);
    tf.dispose(xs);
  });

  it('normalises what lies at zero to zero, with a finite gradient', () => {
    tf.tidy(() => {
      const zero = tf.zeros([2, 3]);
      expect([...nn.normalize(zero, 1e-12).dataSync()]).toEqual([0, 0, 0, 0, 0, 0]);
      const gradient = tf.grad((x: tf.Tensor) => tf.sum(nn.normalize(x, 1e-6)))(zero);
      expect([...gradient.dataSync()].every(Number.isFinite)).toBe(true);
    });
  });

  it('repeats pixels of every image of a batch', () => {
    tf.tidy(() => {
      const x = tf.tensor4d([1, 2, 3, 4], [2, 1, 2, 1]);
      expect([...nn.upsample2x(x).dataSync()]).toEqual([1, 1, 2, 2, 1, 1, 2, 2, 3, 3, 4, 4, 3, 3, 4, 4]);
    });
  });

  it('convolves repeated pixels without repeating them', () => {
    tf.tidy(() => {
      const [x, w, b] = [numbers([2, 3, 4, 5]), numbers([6, 5, 3, 3], 2), numbers([6], 3)];
      const whole = nn.conv2d(nn.upsample2x(x as tf.Tensor4D), w, b, { pad: 1 });
      const short = nn.upsampleConv2d(x as tf.Tensor4D, w, b);
      expect(short.shape).toEqual(whole.shape);
      expect(tf.max(tf.abs(tf.sub(short, whole))).dataSync()[0]).toBeLessThan(1e-5);
      expect(() => nn.upsampleConv2d(x as tf.Tensor4D, numbers([6, 5, 1, 1]), b)).toThrow(/inputs, 3, 3/);
    });
  });

  it('measures cross entropy against the class and against all of them', () => {
    tf.tidy(() => {
      const logits = tf.log(tf.tensor2d([[0.7, 0.2, 0.1]])) as tf.Tensor2D;
      const index = tf.tensor1d([1], 'int32');
      expect(nn.crossEntropy(logits, index).dataSync()[0]).toBeCloseTo(-Math.log(0.2), 6);
      const mean = (Math.log(0.7) + Math.log(0.2) + Math.log(0.1)) / 3;
      expect(nn.crossEntropy(logits, index, 0.3).dataSync()[0]).toBeCloseTo(-0.7 * Math.log(0.2) - 0.3 * mean, 6);
    });
  });

  it('says which shapes do not fit', () => {
    const x = numbers([2, 3]);
    const w = numbers([4, 5]);
    try {
      nn.linear(x, w);
      expect.unreachable();
    } catch (error) {
      expect(isTesseraError(error) && error.code).toBe('shape-mismatch');
    }
    tf.dispose([x, w]);
  });
});
