/** Element types that weight files hold. */
export type DType =
  | 'float64'
  | 'float32'
  | 'float16'
  | 'bfloat16'
  | 'float8_e4m3fn'
  | 'float8_e5m2'
  | 'float8_e4m3fnuz'
  | 'float8_e5m2fnuz'
  | 'float8_e8m0fnu'
  | 'int64'
  | 'int32'
  | 'int16'
  | 'int8'
  | 'uint64'
  | 'uint32'
  | 'uint16'
  | 'uint8'
  | 'bool'
  | 'complex128'
  | 'complex64'
  | 'complex32';

const sizes: Readonly<Record<DType, number>> = {
  float64: 8,
  float32: 4,
  float16: 2,
  bfloat16: 2,
  float8_e4m3fn: 1,
  float8_e5m2: 1,
  float8_e4m3fnuz: 1,
  float8_e5m2fnuz: 1,
  float8_e8m0fnu: 1,
  int64: 8,
  int32: 4,
  int16: 2,
  int8: 1,
  uint64: 8,
  uint32: 4,
  uint16: 2,
  uint8: 1,
  bool: 1,
  complex128: 16,
  complex64: 8,
  complex32: 4,
};

/** True for the name of an element type. */
export function isDType(name: string): name is DType {
  return Object.hasOwn(sizes, name);
}

/** Bytes of one element. */
export function bytesPerElement(dtype: DType): number {
  return sizes[dtype];
}

/** Bytes of one number: a complex element has two, its real and its imaginary part. */
export function bytesPerNumber(dtype: DType): number {
  return dtype.startsWith('complex') ? sizes[dtype] / 2 : sizes[dtype];
}

/** Elements of a shape; 1 for a scalar. Not exact beyond 2^53, where it is still larger than any file. */
export function elementCount(shape: readonly number[]): number {
  return shape.reduce((product, side) => product * side, 1);
}
