import { describe, expect, it } from 'vitest';
import { TesseraError } from '@tessera/errors';
import { toFloat16Bytes, toFloat32 } from './half.ts';

/** By the definition of the format, in float64. */
function valueOf(half: number): number {
  const sign = half & 0x8000 ? -1 : 1;
  const exponent = (half >> 10) & 31;
  const fraction = half & 1023;
  if (exponent === 31) return fraction === 0 ? sign * Infinity : NaN;
  return sign * (exponent === 0 ? fraction * 2 ** -24 : (1024 + fraction) * 2 ** (exponent - 25));
}

const all = Uint16Array.from({ length: 1 << 16 }, (_, half) => half);

describe('16-bit floats', () => {
  it('widens every float16 exactly', () => {
    const wide = toFloat32(new Uint8Array(all.buffer), 'float16');
    wide.forEach((value, half) => {
      if (!Object.is(value, valueOf(half))) expect(value, String(half)).toBe(valueOf(half));
    });
    expect(wide).toHaveLength(1 << 16);
  });

  it('narrows every float16 value back to itself', () => {
    const numbers = all.filter((half) => !Number.isNaN(valueOf(half)));
    const back = toFloat16Bytes(Float32Array.from(numbers, valueOf));
    expect(Buffer.from(back).equals(new Uint8Array(numbers.buffer))).toBe(true);
  });

  it.each([
    [1 + 2 ** -11, 1],
    [1 + 3 * 2 ** -11, 1 + 2 ** -9],
    [1 + 2 ** -11 + 2 ** -20, 1 + 2 ** -10],
    [65519, 65504],
    [65520, Infinity],
    [1e9, Infinity],
    [2 ** -25, 0],
    [2 ** -25 * 1.01, 2 ** -24],
    [3 * 2 ** -25, 2 ** -23],
    [-1e-30, -0],
    [2 ** -14 - 2 ** -26, 2 ** -14],
  ])('rounds %d to %d, ties to even', (value, expected) => {
    expect(toFloat32(toFloat16Bytes(Float32Array.of(value)), 'float16')[0]).toBe(expected);
  });

  it('keeps NaN, widens bfloat16, rounds float64, refuses integers', () => {
    expect(toFloat32(toFloat16Bytes(Float32Array.of(NaN)), 'float16')[0]).toBeNaN();
    expect([...toFloat32(Uint8Array.of(0x80, 0x3f, 0x20, 0xc1), 'bfloat16')]).toEqual([1, -10]);
    expect([...toFloat32(new Uint8Array(Float64Array.of(0.1).buffer), 'float64')]).toEqual([Math.fround(0.1)]);
    expect(() => toFloat32(new Uint8Array(8), 'int64')).toThrow(TesseraError);
  });
});
