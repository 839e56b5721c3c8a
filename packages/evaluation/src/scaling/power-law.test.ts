import { describe, expect, it } from 'vitest';
import { fitPowerLaw, predict, type PowerLaw } from './power-law.ts';

const sizes = [2e5, 6e5, 2e6, 6e6, 2e7];
const law: PowerLaw = { offset: 1.7, factor: 60, exponent: 0.35 };
/** Relative errors of five measurements. */
const noise = [0.004, -0.006, 0.005, -0.003, 0.002];
const measured = (share: number) => sizes.map((x, i) => ({ x, loss: predict(law, x) * (1 + share * noise[i]!) }));

describe('a power law with an offset', () => {
  it('is found again where the points lie on it', () => {
    const fit = fitPowerLaw(measured(0));
    for (const name of ['offset', 'factor', 'exponent'] as const) {
      expect(Math.abs(fit.law[name] / law[name] - 1)).toBeLessThan(1e-3);
    }
    expect(fit.correlation).toBeCloseTo(-1, 6);
    expect(fit.error).toBeLessThan(1e-6);
    expect(fit.interval.exponent[1] - fit.interval.exponent[0]).toBeLessThan(1e-3);
  });

  it('has an interval that holds the truth and grows with the noise', () => {
    const [small, large] = [fitPowerLaw(measured(1)), fitPowerLaw(measured(4))];
    for (const name of ['offset', 'exponent'] as const) {
      expect(small.interval[name][0]).toBeLessThan(law[name]);
      expect(small.interval[name][1]).toBeGreaterThan(law[name]);
    }
    const width = ({ interval: { exponent } }: typeof small) => exponent[1] - exponent[0];
    expect(width(large)).toBeGreaterThan(2 * width(small));
    expect(fitPowerLaw(measured(1))).toEqual(small);
  });

  it('has no offset below 0', () => {
    const points = sizes.map((x) => ({ x, loss: 100 * x ** -0.3 - 0.2 }));
    expect(fitPowerLaw(points).law.offset).toBe(0);
  });

  it('is refused for as many points as it has parameters', () => {
    expect(() => fitPowerLaw(measured(1).slice(0, 3))).toThrow('3 different sizes; expected more than 3');
  });
});
