import { TesseraError } from '@tessera/errors';
import { bytesPerElement, type DType } from './checkpoint.ts';

/** The tensor whose numbers are converted, for errors. */
export interface Named {
  /** The file. */
  readonly who: string;
  /** The tensor. */
  readonly name: string;
}

/** The largest finite numbers. */
const largest = { float32: (2 - 2 ** -23) * 2 ** 127, float16: 65504 } as const;

/**
 * Floating-point bytes of a file as float32: narrower types are widened exactly, float64 is rounded. float32 bytes are
 * viewed, not copied, if they are aligned. NaN and infinities are kept.
 * @throws TesseraError tensor-not-float for integers, booleans and complex numbers; number-out-of-range for a finite
 * float64 that would become infinite
 */
export function toFloat32(bytes: Uint8Array<ArrayBuffer>, dtype: DType, of: Named): Float32Array<ArrayBuffer> {
  switch (dtype) {
    case 'float32': {
      const aligned = bytes.byteOffset % 4 === 0 ? bytes : bytes.slice();
      return new Float32Array(aligned.buffer, aligned.byteOffset, aligned.byteLength / 4);
    }
    case 'float16':
    case 'bfloat16':
      return widenHalves(bytes, dtype);
    case 'float64': {
      const wide = new Float64Array(bytes.slice().buffer);
      const values = Float32Array.from(wide);
      const index = values.findIndex((value, i) => !Number.isFinite(value) && Number.isFinite(wide[i]));
      if (index >= 0) throw tooLarge(of, { index, value: wide[index]!, dtype: 'float32' });
      return values;
    }
    default:
      if (isFloat8(dtype)) {
        const values = float8Values(dtype);
        return Float32Array.from(bytes, (byte) => values[byte]!);
      }
      throw new TesseraError({
        code: 'tensor-not-float',
        who: of.who,
        got: `${of.name} of ${dtype}`,
        expected: 'floating-point numbers',
      });
  }
}

/**
 * float32 as float16 bytes, rounded to nearest, ties to even. NaN and infinities are kept.
 * @throws TesseraError number-out-of-range for a finite number that would become infinite
 */
export function toFloat16Bytes(values: Float32Array, of: Named): Uint8Array<ArrayBuffer> {
  const halves = roundToHalves(values);
  for (let index = 0; index < halves.length; index++) {
    if ((halves[index]! & 0x7fff) !== 0x7c00 || !Number.isFinite(values[index])) continue;
    throw tooLarge(of, { index, value: values[index]!, dtype: 'float16' });
  }
  return new Uint8Array(halves.buffer);
}

/**
 * Numbers of any real type as float64, exactly.
 * @throws TesseraError tensor-not-float for complex numbers; number-out-of-range for an integer that a float64 does not hold exactly
 */
export function toNumbers(bytes: Uint8Array<ArrayBuffer>, dtype: DType, of: Named): Float64Array<ArrayBuffer> {
  if (dtype === 'float64') return new Float64Array(bytes.slice().buffer);
  const read = integerReaders[dtype];
  if (!read) return Float64Array.from(toFloat32(bytes, dtype, of));
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const size = bytesPerElement(dtype);
  return Float64Array.from({ length: bytes.byteLength / size }, (_, index) => {
    const value = read(view, index * size);
    if (Number.isSafeInteger(Number(value))) return Number(value);
    throw outOfRange(of, { index, value, expected: 'integers within 2^53' });
  });
}

/**
 * Integers and booleans of a file as int32.
 * @throws TesseraError tensor-not-integer; number-out-of-range for an integer that would wrap
 */
export function toInt32(bytes: Uint8Array<ArrayBuffer>, dtype: DType, of: Named): Int32Array<ArrayBuffer> {
  const { who, name } = of;
  if (!integerReaders[dtype]) {
    throw new TesseraError({ code: 'tensor-not-integer', who, got: `${name} of ${dtype}`, expected: 'integers' });
  }
  const numbers = toNumbers(bytes, dtype, of);
  const index = numbers.findIndex((value) => value !== (value | 0));
  if (index < 0) return Int32Array.from(numbers);
  throw outOfRange(of, { index, value: numbers[index]!, expected: 'integers from -2147483648 to 2147483647 (int32)' });
}

const integerReaders: Readonly<Partial<Record<DType, (view: DataView, at: number) => number | bigint>>> = {
  int64: (view, at) => view.getBigInt64(at, true),
  int32: (view, at) => view.getInt32(at, true),
  int16: (view, at) => view.getInt16(at, true),
  int8: (view, at) => view.getInt8(at),
  uint64: (view, at) => view.getBigUint64(at, true),
  uint32: (view, at) => view.getUint32(at, true),
  uint16: (view, at) => view.getUint16(at, true),
  uint8: (view, at) => view.getUint8(at),
  bool: (view, at) => view.getUint8(at),
};

function isFloat8(dtype: DType): dtype is Float8 {
  return dtype.startsWith('float8_');
}

/** A number of a tensor and its index in row-major order. */
interface Entry {
  readonly index: number;
  readonly value: number | bigint;
}

function tooLarge(of: Named, { index, value, dtype }: Entry & { readonly dtype: keyof typeof largest }): TesseraError {
  const expected = `numbers of at most ${largest[dtype]} in magnitude, the largest ${dtype}`;
  const next = `Write it as ${dtype === 'float16' ? 'float32' : 'smaller numbers'}, or find out what made it so large.`;
  return outOfRange(of, { index, value, expected, next });
}

function outOfRange(
  { who, name }: Named,
  { index, value, ...said }: Entry & { readonly expected: string; readonly next?: string },
): TesseraError {
  return new TesseraError({ code: 'number-out-of-range', who, got: `${name}[${index}] = ${value}`, ...said });
}

/** float16 or bfloat16 bytes as float32, exactly. */
function widenHalves(bytes: Uint8Array, dtype: 'float16' | 'bfloat16'): Float32Array<ArrayBuffer> {
  return dtype === 'float16' ? mapHalves(bytes, (half) => halfBits[half]!) : mapHalves(bytes, (half) => half << 16);
}

/** float32 as float16 bit patterns, rounded to nearest, ties to even; from 65520 on infinite. */
function roundToHalves(values: Float32Array): Uint16Array<ArrayBuffer> {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const halves = new Uint16Array(values.length);
  for (let index = 0; index < halves.length; index++) halves[index] = roundToHalf(bits[index]!);
  return halves;
}

function mapHalves(bytes: Uint8Array, toBits: (half: number) => number): Float32Array<ArrayBuffer> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const bits = new Int32Array(bytes.byteLength / 2);
  for (let index = 0; index < bits.length; index++) bits[index] = toBits(view.getUint16(index * 2, true));
  return new Float32Array(bits.buffer);
}

/** float32 bit patterns of all float16 values. */
const halfBits: Int32Array = Int32Array.from({ length: 1 << 16 }, (_, half) => {
  const sign = (half & 0x8000) << 16;
  const exponent = (half >> 10) & 31;
  const fraction = half & 0x3ff;
  if (exponent === 31) return sign | 0x7f800000 | (fraction << 13);
  if (exponent > 0) return sign | ((exponent + 112) << 23) | (fraction << 13);
  if (fraction === 0) return sign;
  const shift = Math.clz32(fraction) - 21; // brings the leading one to bit 10
  return sign | ((113 - shift) << 23) | (((fraction << shift) & 0x3ff) << 13);
});

function roundToHalf(bits: number): number {
  const sign = (bits >>> 16) & 0x8000;
  const exponent = (bits >>> 23) & 0xff;
  const fraction = bits & 0x7fffff;
  if (exponent === 0xff) return sign | 0x7c00 | (fraction === 0 ? 0 : 0x200 | (fraction >> 13));
  if (exponent >= 143) return sign | 0x7c00;
  if (exponent >= 113) return sign | roundShift(((exponent - 112) << 23) | fraction, 13);
  if (exponent < 102) return sign;
  return sign | roundShift(0x800000 | fraction, 126 - exponent);
}

/** Shifts right, rounding to nearest, ties to even. A carry correctly moves into the exponent. */
function roundShift(value: number, shift: number): number {
  const half = 1 << (shift - 1);
  const odd = (value >> shift) & 1;
  return (value + half - 1 + odd) >> shift;
}

type Float8 = Extract<DType, `float8_${string}`>;

/**
 * Values of all 256 bytes of an eight-bit float, as defined by the Open Compute Project (e4m3fn, e5m2, e8m0fnu) and by
 * arXiv 2206.02915 (the types with `uz`, which have one zero, one NaN and no infinity).
 */
function float8Values(dtype: Float8): Float32Array<ArrayBuffer> {
  return Float32Array.from({ length: 256 }, (_, byte) => valueOf[dtype](byte));
}

const valueOf: Readonly<Record<Float8, (byte: number) => number>> = {
  float8_e4m3fn: (byte) => ((byte & 0x7f) === 0x7f ? NaN : signed(byte, { fractionBits: 3, bias: 7 })),
  float8_e5m2: (byte) => {
    const magnitude = byte & 0x7f;
    if (magnitude > 0x7c) return NaN;
    if (magnitude === 0x7c) return byte & 0x80 ? -Infinity : Infinity;
    return signed(byte, { fractionBits: 2, bias: 15 });
  },
  float8_e4m3fnuz: (byte) => (byte === 0x80 ? NaN : signed(byte, { fractionBits: 3, bias: 8 })),
  float8_e5m2fnuz: (byte) => (byte === 0x80 ? NaN : signed(byte, { fractionBits: 2, bias: 16 })),
  float8_e8m0fnu: (byte) => (byte === 0xff ? NaN : 2 ** (byte - 127)),
};

function signed(byte: number, { fractionBits, bias }: { fractionBits: number; bias: number }): number {
  const exponent = (byte & 0x7f) >> fractionBits;
  const fraction = (byte & ((1 << fractionBits) - 1)) / (1 << fractionBits);
  const magnitude = exponent === 0 ? fraction * 2 ** (1 - bias) : (1 + fraction) * 2 ** (exponent - bias);
  return byte & 0x80 ? -magnitude : magnitude;
}
