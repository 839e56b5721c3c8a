import { isTesseraError } from '@tessera/errors';
import { describe, expect, it } from 'vitest';
import { keyedRng, type DrawKey } from './keyed-rng.ts';
import { philox } from './philox.ts';

const key: DrawKey = { row: 0, stream: 'token', step: 3, position: 17 };

function moments(data: Float32Array): { mean: number; variance: number } {
  const mean = data.reduce((a, b) => a + b, 0) / data.length;
  return { mean, variance: data.reduce((a, b) => a + (b - mean) ** 2, 0) / data.length };
}

describe('philox', () => {
  // The known answers that the authors publish with Random123.
  it.each([
    [[0, 0, 0, 0], [0, 0], '6627e8d5 e169c58d bc57ac4c 9b00dbd8'],
    [[-1, -1, -1, -1], [-1, -1], '408f276d 41c83b0e a20bc7c6 6d5451fd'],
    [[0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344], [0xa4093822, 0x299f31d0], 'd16cfe09 94fdcceb 5001e420 24126ea1'],
  ])('counter %j under key %j', (counter, key, expected) => {
    const out = new Uint32Array(4);
    philox({ key: key as [number, number], counter: counter as [number, number, number, number] }, out, 0);
    expect([...out].map((word) => word.toString(16).padStart(8, '0')).join(' ')).toBe(expected);
  });
});

describe('keyedRng', () => {
  it('gives the same numbers to a row, in any batch', () => {
    const alone = keyedRng([42]);
    const among = keyedRng([7, 9, 42]);
    expect(among.normal({ ...key, row: 2 }, 9)).toEqual(alone.normal(key, 9));
    expect(alone.normal(key, 5)).toEqual(alone.normal(key, 9).subarray(0, 5));
  });

  it('gives the same exponentials where only some are asked for', () => {
    const rng = keyedRng([42]);
    const all = rng.exponential(key, 4097);
    const index = Int32Array.of(0, 5, 6, 1023, 4095, 4096);
    const some = rng.exponential(key, 4097, index);
    expect(some).toHaveLength(4097);
    expect([...index].map((at) => some[at])).toEqual([...index].map((at) => all[at]));
  });

  it('gives other numbers for another seed, stream, step or position', () => {
    const first = (seed: number, change: Partial<DrawKey>): number =>
      keyedRng([seed]).exponential({ ...key, ...change }, 1)[0]!;
    const drawn = [
      first(42, {}),
      first(43, {}),
      first(42 + 2 ** 32, {}),
      first(42, { stream: 'gumbel' }),
      first(42, { step: 4 }),
      first(42, { position: 18 }),
    ];
    expect(new Set(drawn).size).toBe(drawn.length);
  });

  it('has the moments of its distributions', () => {
    const rng = keyedRng([Number.MAX_SAFE_INTEGER]);
    const uniform = rng.uniform(key, 200_000);
    expect(moments(uniform).mean).toBeCloseTo(0.5, 2);
    expect(moments(uniform).variance).toBeCloseTo(1 / 12, 2);
    expect(uniform.every((u) => u > 0 && u < 1)).toBe(true);
    const normal = rng.normal({ ...key, stream: 'noise' }, 200_000);
    expect(Math.abs(moments(normal).mean)).toBeLessThan(0.01);
    expect(Math.abs(moments(normal).variance - 1)).toBeLessThan(0.015);
    const exponential = rng.exponential({ ...key, stream: 'gumbel' }, 200_000);
    expect(Math.abs(moments(exponential).mean - 1)).toBeLessThan(0.01);
    expect(Math.abs(moments(exponential).variance - 1)).toBeLessThan(0.03);
    expect(exponential.every((e) => e > 0)).toBe(true);
  });

  it.each([-1, 0.5, 2 ** 53, Number.NaN])('refuses seed %s', (seed) => {
    expect(() => keyedRng([seed])).toThrowError(/integer from 0/);
  });

  it('refuses a row without a seed', () => {
    try {
      keyedRng([1]).uniform({ ...key, row: 1 }, 1);
      expect.unreachable();
    } catch (error) {
      expect(isTesseraError(error) && error.code).toBe('row-out-of-range');
    }
  });
});
