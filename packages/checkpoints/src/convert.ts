import { TesseraError } from '@tessera/errors';
import { bytesPerElement, type DType } from './dtype.ts';
import { float8Values, type Float8 } from './float8.ts';
import { roundToHalves, widenHalves } from './half.ts';

/** Whose numbers are converted: what an error names. */
export interface Named {
  /** The file. */
  readonly who: string;
  /** The tensor. */
  readonly name: string;
}

/** The largest finite numbers. */
const largest = { float32: (2 - 2 ** -23) * 2 ** 127, float16: 65504 } as const;

/**
 * Floating-point bytes of a file as float32: narrower kinds are widened exactly, float64 is rounded. float32 bytes are
 * looked at, not copied, when they are aligned. NaN and infinities that are there stay.
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
 * float32 as float16 bytes, rounded to nearest, ties to even. NaN and infinities that are there stay.
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
 * Numbers of any real type, as they are.
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

/** A number of a tensor: its place in row-major order, and what it is. */
interface Entry {
  readonly index: number;
  readonly value: number | bigint;
}

function tooLarge(of: Named, { index, value, dtype }: Entry & { readonly dtype: keyof typeof largest }): TesseraError {
  const expected = `numbers of at most ${largest[dtype]} in magnitude, the largest ${dtype}`;
  const next = `Write it as ${dtype === 'float16' ? 'float32' : 'smaller numbers'}, or look at what made it so large.`;
  return outOfRange(of, { index, value, expected, next });
}

function outOfRange(
  { who, name }: Named,
  { index, value, ...said }: Entry & { readonly expected: string; readonly next?: string },
): TesseraError {
  return new TesseraError({ code: 'number-out-of-range', who, got: `${name}[${index}] = ${value}`, ...said });
}
