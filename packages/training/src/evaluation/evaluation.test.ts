import { describe, expect, it } from 'vitest';
import { byteSplit } from '../data/data-set.ts';
import { requireSameClasses } from './comparable-data.ts';
import { fitGaussian, frechetDistance, meanSsim, nearestNeighbours, psnr } from './metrics.ts';

/** A Gaussian given directly. */
const gaussian = (mean: number[], covariance: number[]) => ({
  count: 100,
  mean_D: Float64Array.from(mean),
  covariance_DD: Float64Array.from(covariance),
});

describe('Frechet distance', () => {
  it('is the closed form where covariances commute', () => {
    const a = gaussian([0, 1], [4, 0, 0, 9]);
    const b = gaussian([3, 1], [1, 0, 0, 25]);
    expect(frechetDistance(a, b)).toBeCloseTo(9 + (2 - 1) ** 2 + (3 - 5) ** 2, 10);
  });

  it('is zero for a rank-deficient Gaussian and itself, and symmetric', () => {
    const a = gaussian([1, 2, 3], [2, 1, 0, 1, 2, 0, 0, 0, 0]);
    const b = gaussian([0, 0, 0], [1, -0.3, 0.2, -0.3, 2, 0.1, 0.2, 0.1, 0.5]);
    expect(frechetDistance(a, a)).toBeCloseTo(0, 6);
    expect(frechetDistance(a, b)).toBeCloseTo(frechetDistance(b, a), 8);
  });

  it('refuses features of different networks', () => {
    expect(() => frechetDistance(gaussian([0], [1]), gaussian([0, 0], [1, 0, 0, 1]))).toThrowError(
      /one feature network/,
    );
  });

  it('fits mean and covariance', () => {
    const { mean_D, covariance_DD } = fitGaussian(Float32Array.of(1, 2, 3, 6, 5, 4), 2);
    expect([...mean_D]).toEqual([3, 4]);
    expect([...covariance_DD]).toEqual([4, 2, 2, 4]);
  });
});

describe('pictures against pictures', () => {
  it('measures noise in dB', () => {
    expect(psnr(Float32Array.of(0.5, 0.5), Float32Array.of(0.6, 0.4))).toBeCloseTo(20, 5);
  });

  it.each([1, 3])('measures structure: %i channels', (channels) => {
    const image = { height: 24, width: 24, channels };
    const size = 24 * 24 * channels;
    const wave = (shift: number) =>
      Float32Array.from({ length: 2 * size }, (_, i) => 0.5 + 0.4 * Math.sin(i / 9 + shift));
    expect(meanSsim(wave(0), wave(0), image)).toBeCloseTo(1, 6);
    expect(meanSsim(wave(0), wave(0.2), image)).toBeGreaterThan(meanSsim(wave(0), wave(1), image));
    expect(meanSsim(wave(0), wave(Math.PI), image)).toBeLessThan(0);
    const flat = { a: new Float32Array(size).fill(0.2), b: new Float32Array(size).fill(0.6) };
    const [x, y, c] = [51, 153, (0.01 * 255) ** 2]; // the closed form where nothing varies
    expect(meanSsim(flat.a, flat.b, image)).toBeCloseTo((2 * x * y + c) / (x * x + y * y + c), 4);
  });

  it('finds the nearest training image', async () => {
    const pixels = Uint8Array.of(0, 0, 255, 255, 0, 255);
    const split = byteSplit({ pixels, label_N: Int32Array.of(0, 1, 2), image: { height: 1, width: 2, channels: 1 } });
    const found = await nearestNeighbours([Float32Array.of(0.9, 0.9), Float32Array.of(0.1, 1)], split);
    expect([...found.index_N]).toEqual([1, 2]);
    expect(found.distance_N[0]).toBeCloseTo(0.01, 5);
  });
});

it.each([
  [['cat', 'dog'], 'data whose class 0 is dog; expected the order of the model, whose class 0 is cat', ['dog', 'zcat']],
  [['cat', 'dog'], 'data of 3 classes; expected the 2 of the model', ['cat', 'cow', 'dog']],
])('refuses data whose labels mean something else than those of %j', (model, sentence, data) => {
  const refusal = expect.objectContaining({ code: 'classes-differ', message: expect.stringContaining(sentence) });
  expect(() => requireSameClasses(model, data, 'test')).toThrow(refusal);
});

it.each([[['cat', 'dog']], [['cat', 'hound']], [['n02123045', 'n02084071']]])(
  'takes %j for the classes cat and dog',
  (data) => {
    expect(() => requireSameClasses(['cat', 'dog'], data, 'test')).not.toThrow();
  },
);
