import { describe, expect, it } from 'vitest';
import { compare } from './comparison.ts';
import { matchesAny } from './parity.ts';
import { exact, gradient } from './tolerance.ts';

const expected = { name: 'out.x', shape: [2, 2], data: Float32Array.of(1, -2, -Infinity, 0) };

describe('compare', () => {
  it('accepts equal infinities and reports the share of the tolerance', () => {
    const verdict = compare(
      expected,
      { shape: [2, 2], data: [1, -2.005, -Infinity, 0] },
      { absolute: 0.01, relative: 0 },
    );
    expect(verdict.share).toBeCloseTo(0.5, 6);
    expect(verdict.failure).toBeUndefined();
  });

  it('names the worst element', () => {
    const verdict = compare(expected, { shape: [2, 2], data: [1, -2, -Infinity, 3] }, { absolute: 1, relative: 0 });
    expect(verdict.failure).toBe('out.x[1, 1] is 3; expected 0');
  });

  it('never accepts NaN or another shape', () => {
    const loose = { absolute: 1e9, relative: 0 };
    expect(compare(expected, { shape: [2, 2], data: [NaN, -2, -Infinity, 0] }, loose).failure).toContain('NaN');
    expect(compare(expected, { shape: [4], data: expected.data }, loose).failure).toContain('shape [4]');
  });

  it('is exact when asked', () => {
    const off = { shape: [2, 2], data: [1, -2.0000002, -Infinity, 0] };
    expect(compare(expected, off, exact).failure).toBeDefined();
  });

  it('scales with the tensor for gradients', () => {
    expect(gradient([1, -50], 'linear').absolute).toBeCloseTo(2e-4, 12);
  });
});

describe('matchesAny', () => {
  it('takes a dot literally and a star for any run', () => {
    expect(matchesAny('var.train', ['var.*'])).toBe(true);
    expect(matchesAny('variance', ['var.*'])).toBe(false);
    expect(matchesAny('interp', ['interp*'])).toBe(true);
    expect(matchesAny('interp.grad', ['quantizer', 'interp*'])).toBe(true);
    expect(matchesAny('mar.net', ['var.*', 'vqvae*'])).toBe(false);
  });

  it('matches everything without patterns', () => {
    expect(matchesAny('anything', [])).toBe(true);
  });
});
