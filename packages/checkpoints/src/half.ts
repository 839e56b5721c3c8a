/** float16 or bfloat16 bytes as float32, exactly. */
export function widenHalves(bytes: Uint8Array, dtype: 'float16' | 'bfloat16'): Float32Array<ArrayBuffer> {
  return dtype === 'float16' ? mapHalves(bytes, (half) => halfBits[half]!) : mapHalves(bytes, (half) => half << 16);
}

/** float32 as float16 bit patterns, rounded to nearest, ties to even; from 65520 on infinite. */
export function roundToHalves(values: Float32Array): Uint16Array<ArrayBuffer> {
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

/** Shifts right, rounding to nearest, ties to even. A carry moves into the exponent, as it should. */
function roundShift(value: number, shift: number): number {
  const half = 1 << (shift - 1);
  const odd = (value >> shift) & 1;
  return (value + half - 1 + odd) >> shift;
}
