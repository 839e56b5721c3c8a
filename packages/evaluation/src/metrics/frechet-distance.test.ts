import { describe, expect, it } from 'vitest';
import { frechetDistance } from './frechet-distance.ts';
import { fitGaussian } from './gaussian.ts';

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
