import { describe, expect, it } from 'vitest';
import { TesseraError } from '@tessera/errors';
import type { DType } from './checkpoint.ts';
import { toFloat16Bytes, toFloat32, toInt32, toNumbers } from './convert.ts';

const of = { who: 'w.pth', name: 'x' };

/** By the definition of the format, in float64. */
function valueOf(half: number): number {
  const sign = half & 0x8000 ? -1 : 1;
  const exponent = (half >> 10) & 31;
  const fraction = half & 1023;
  if (exponent === 31) return fraction === 0 ? sign * Infinity : NaN;
  return sign * (exponent === 0 ? fraction * 2 ** -24 : (1024 + fraction) * 2 ** (exponent - 25));
}

const all = Uint16Array.from({ length: 1 << 16 }, (_, half) => half);

function bytesOf({ buffer }: { readonly buffer: ArrayBuffer }): Uint8Array<ArrayBuffer> {
  return new Uint8Array(buffer);
}

describe('16-bit floats', () => {
  it('widens every float16 exactly', () => {
    const wide = toFloat32(new Uint8Array(all.buffer), 'float16', of);
    wide.forEach((value, half) => {
      if (!Object.is(value, valueOf(half))) expect(value, String(half)).toBe(valueOf(half));
    });
    expect(wide).toHaveLength(1 << 16);
  });

  it('narrows every float16 value back to itself', () => {
    const numbers = all.filter((half) => !Number.isNaN(valueOf(half)));
    const back = toFloat16Bytes(Float32Array.from(numbers, valueOf), of);
    expect(Buffer.from(back).equals(new Uint8Array(numbers.buffer))).toBe(true);
  });

  it.each([
    [1 + 2 ** -11, 1],
    [1 + 3 * 2 ** -11, 1 + 2 ** -9],
    [1 + 2 ** -11 + 2 ** -20, 1 + 2 ** -10],
    [65519, 65504],
    [Infinity, Infinity],
    [2 ** -25, 0],
    [2 ** -25 * 1.01, 2 ** -24],
    [3 * 2 ** -25, 2 ** -23],
    [-1e-30, -0],
    [2 ** -14 - 2 ** -26, 2 ** -14],
  ])('rounds %d to %d, ties to even', (value, expected) => {
    expect(toFloat32(toFloat16Bytes(Float32Array.of(value), of), 'float16', of)[0]).toBe(expected);
  });

  it('keeps NaN, widens bfloat16, rounds float64, refuses integers', () => {
    expect(toFloat32(toFloat16Bytes(Float32Array.of(NaN), of), 'float16', of)[0]).toBeNaN();
    expect([...toFloat32(Uint8Array.of(0x80, 0x3f, 0x20, 0xc1), 'bfloat16', of)]).toEqual([1, -10]);
    expect([...toFloat32(bytesOf(Float64Array.of(0.1, Infinity)), 'float64', of)]).toEqual([
      Math.fround(0.1),
      Infinity,
    ]);
    expect(() => toFloat32(new Uint8Array(8), 'int64', of)).toThrow(TesseraError);
  });
});

describe('numbers that do not fit', () => {
  it.each([
    [() => toFloat16Bytes(Float32Array.of(1, -65520), of), 'x[1] = -65520; expected numbers of at most 65504'],
    [() => toFloat16Bytes(Float32Array.of(3e38), of), 'the largest float16. Write it as float32'],
    [
      () => toFloat32(bytesOf(Float64Array.of(0, 0, 1e39)), 'float64', of),
      'x[2] = 1e+39; expected numbers of at most 3.4',
    ],
    [() => toInt32(bytesOf(BigInt64Array.of(-(2n ** 31n), 2n ** 31n)), 'int64', of), 'x[1] = 2147483648'],
    [() => toInt32(bytesOf(Uint32Array.of(2 ** 31)), 'uint32', of), 'x[0] = 2147483648; expected integers from'],
    [() => toInt32(bytesOf(BigUint64Array.of(2n ** 64n - 1n)), 'uint64', of), 'x[0] = 18446744073709551615'],
  ])('are named with their tensor and the limit: %#', (work, words) => {
    expect(work).toThrow(/^\[w\.pth\] got x\[/);
    expect(work).toThrow(words);
  });

  it('is told from what fits, to the last one', () => {
    expect(toFloat32(toFloat16Bytes(Float32Array.of(-65519.99), of), 'float16', of)[0]).toBe(-65504);
    const largest = (2 - 2 ** -23) * 2 ** 127;
    expect([...toFloat32(bytesOf(Float64Array.of(largest, -largest)), 'float64', of)]).toEqual([largest, -largest]);
    expect([...toInt32(bytesOf(BigInt64Array.of(-(2n ** 31n), 2n ** 31n - 1n)), 'int64', of)]).toEqual([
      -(2 ** 31),
      2 ** 31 - 1,
    ]);
  });
});

describe('numbers of any type', () => {
  it.each([
    ['float64', new Float64Array([1, 2])],
    ['float32', new Float32Array([1, 2])],
    ['float16', new Uint16Array([0x3c00, 0x4000])],
    ['bfloat16', new Uint16Array([0x3f80, 0x4000])],
    ['float8_e4m3fn', new Uint8Array([0x38, 0x40])],
    ['float8_e5m2', new Uint8Array([0x3c, 0x40])],
    ['float8_e4m3fnuz', new Uint8Array([0x40, 0x48])],
    ['float8_e5m2fnuz', new Uint8Array([0x40, 0x44])],
    ['float8_e8m0fnu', new Uint8Array([127, 128])],
    ['int64', new BigInt64Array([1n, 2n])],
    ['int32', new Int32Array([1, 2])],
    ['int16', new Int16Array([1, 2])],
    ['int8', new Int8Array([1, 2])],
    ['uint64', new BigUint64Array([1n, 2n])],
    ['uint32', new Uint32Array([1, 2])],
    ['uint16', new Uint16Array([1, 2])],
    ['uint8', new Uint8Array([1, 2])],
  ] as const)('reads %s', (dtype: DType, stored) => {
    expect([...toNumbers(bytesOf(stored), dtype, of)]).toEqual([1, 2]);
  });

  it('refuses complex ones', () => {
    expect(() => toNumbers(new Uint8Array(8), 'complex64', of)).toThrow(TesseraError);
  });
});
