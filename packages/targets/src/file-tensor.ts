import { closeSync, openSync, readSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Tensor } from '@tensorflow/tfjs';
import { ARRAYS, storedTensor, type StoredArray } from '@tessera/engine/target';
import { TesseraError } from '@tessera/errors';

export interface FileTensorSpec {
  readonly path: string;
  /** First byte of the numbers, which are little-endian and row-major. */
  readonly offset: number;
  readonly shape: readonly number[];
  /** `int8` makes a tensor of int32 whose numbers take one byte each in the file. */
  readonly dtype: 'float32' | 'int32' | 'int8';
}

/**
 * A tensor whose numbers stay in their file. Compiled programs map them from there; eager use and `data()` read them.
 * The file must stay as it is while the tensor and programs that use it live.
 * @throws TesseraError `file-missing`, `file-too-short`
 */
export function fileTensor({ path, offset, shape, dtype }: FileTensorSpec): Tensor {
  const file = resolve(path);
  const bytes = shape.reduce((product, dim) => product * dim, dtype === 'int8' ? 1 : 4);
  const size = statSync(file, { throwIfNoEntry: false })?.size;
  if (size === undefined) {
    throw new TesseraError({ code: 'file-missing', who: file, got: 'no such file', expected: 'a file of weights' });
  }
  if (size < offset + bytes) throw fileTooShort(file, size, offset + bytes);
  const Numbers = dtype === 'int8' ? Int8Array : ARRAYS[dtype];
  const read = (): StoredArray => new Numbers(readStretch(file, offset, bytes));
  const entry = { kind: 'file', path: file, offset, bytes, read, isBytes: dtype === 'int8' } as const;
  return storedTensor(entry, shape, dtype === 'int8' ? 'int32' : dtype);
}

/** At most a GiB at once: Node reads no more than 2 GiB. */
const READ_SIZE = 2 ** 30;

function readStretch(path: string, offset: number, bytes: number): ArrayBuffer {
  const buffer = new Uint8Array(bytes);
  const file = openSync(path, 'r');
  try {
    let at = 0;
    while (at < bytes) {
      const count = readSync(file, buffer, at, Math.min(bytes - at, READ_SIZE), offset + at);
      if (count === 0) throw fileTooShort(path, offset + at, offset + bytes);
      at += count;
    }
  } finally {
    closeSync(file);
  }
  return buffer.buffer;
}

function fileTooShort(path: string, size: number, needed: number): TesseraError {
  return new TesseraError({
    code: 'file-too-short',
    who: path,
    got: `${size} bytes`,
    expected: `at least ${needed}, which its tensors take`,
    next: 'Fetch the file again.',
  });
}
