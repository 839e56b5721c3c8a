import type { DType } from './dtype.ts';

export type Float8 = Extract<DType, `float8_${string}`>;

/**
 * Values of all 256 bytes of an eight-bit float, by the definitions of the Open Compute Project (e4m3fn, e5m2, e8m0fnu)
 * and of arXiv 2206.02915 (the kinds with `uz`, which have one zero, one NaN and no infinity).
 */
export function float8Values(dtype: Float8): Float32Array<ArrayBuffer> {
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
