import { statSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Tensor } from '@tensorflow/tfjs';
import { TesseraError } from '@tessera/errors';
import type { DType, TypedArray } from '../trace/graph.ts';
import { fileTooShort, passiveTensor } from './passive-backend.ts';

export interface FileTensorSpec {
  readonly path: string;
  /** First byte of the numbers, which are little-endian and row-major. */
  readonly offset: number;
  readonly shape: readonly number[];
  readonly dtype: 'float32' | 'int32';
}

const sizeOf = (shape: readonly number[]) => shape.reduce((product, dim) => product * dim, 1);

/**
 * A tensor whose numbers stay in their file. Compiled programs map them from there; eager use and `data()` read them.
 * The file must stay as it is while the tensor and programs that use it live.
 * @throws TesseraError `file-missing`, `file-too-short`
 */
export function fileTensor({ path, offset, shape, dtype }: FileTensorSpec): Tensor {
  const file = resolve(path);
  const bytes = sizeOf(shape) * 4;
  const size = statSync(file, { throwIfNoEntry: false })?.size;
  if (size === undefined) {
    throw new TesseraError({ code: 'file-missing', who: file, got: 'no such file', expected: 'a file of weights' });
  }
  if (size < offset + bytes) throw fileTooShort(file, size, offset + bytes);
  return passiveTensor({ kind: 'file', path: file, offset, bytes, dtype }, shape, dtype);
}

/**
 * A tensor over `data`, which it keeps: do not change the numbers afterwards. Without `dtype`, Int32Array makes int32,
 * Uint8Array bool, everything else float32.
 * @throws TesseraError `shape-mismatch`
 */
export function tensorFrom(data: TypedArray | readonly number[], shape: readonly number[], dtype?: DType): Tensor {
  const type = dtype ?? typeOf(data);
  if (data.length !== sizeOf(shape)) {
    throw new TesseraError({
      code: 'shape-mismatch',
      who: 'tensorFrom',
      got: `${data.length} numbers for [${shape}]`,
      expected: `${sizeOf(shape)}`,
    });
  }
  return passiveTensor({ kind: 'memory', data: inType(data, type) }, shape, type);
}

function typeOf(data: TypedArray | readonly number[]): DType {
  if (data instanceof Int32Array) return 'int32';
  return data instanceof Uint8Array ? 'bool' : 'float32';
}

function inType(data: TypedArray | readonly number[], dtype: DType): TypedArray {
  const array = { float32: Float32Array, int32: Int32Array, bool: Uint8Array }[dtype];
  return data instanceof array ? data : array.from(data);
}
