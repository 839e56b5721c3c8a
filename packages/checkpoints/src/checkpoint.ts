import { TesseraError } from '@tessera/errors';

/** An open weight file of any supported format. Tensors are read one by one, each by its byte range. */
export interface Checkpoint {
  readonly path: string;
  readonly format: 'safetensors' | 'torch-zip' | 'torch-legacy' | 'numpy-pickle';
  readonly tensors: ReadonlyMap<string, TensorEntry>;
  /** Other values in the file, by dotted path: epochs, settings, safetensors metadata. */
  readonly values: ReadonlyMap<string, CheckpointValue>;
  /** Always empty unless the file was opened with `unknown: 'skip'`. */
  readonly leftOut: readonly LeftOut[];
  /** Row-major, little-endian bytes of one tensor, in a buffer of their own. @throws tensor-unknown */
  read(name: string): Promise<Uint8Array<ArrayBuffer>>;
  close(): Promise<void>;
}

/** A tensor of a file, not read yet. */
export interface TensorEntry {
  /** Dotted path of dict keys and list indices, then the key: `trainer.var_wo_ddp.blocks.0.attn.mat_qkv.weight`. */
  readonly name: string;
  readonly dtype: DType;
  readonly shape: readonly number[];
  /** Where its row-major, little-endian bytes are in the file; null for a strided view and for big-endian files. */
  readonly location: { readonly offset: number; readonly byteLength: number } | null;
}

export type CheckpointValue = string | number | bigint | boolean | null;

/** An object of a pickle that was left out because its class is not on the allow-list. */
export interface LeftOut {
  /** Dotted path; `the whole file` for the outermost object; empty for an object that the file makes and drops. */
  readonly name: string;
  /** Its class or function as the file names it: `pathlib.PosixPath`. */
  readonly what: string;
  /** True if Python would run commands or code on loading it: `posix.system`. */
  readonly runsCode: boolean;
}

export function unknownTensor(who: string, name: string): TesseraError {
  return new TesseraError({
    code: 'tensor-unknown',
    who,
    got: `the name ${JSON.stringify(name)}`,
    expected: 'the name of a tensor in this file',
  });
}

/** Element types of weight files and the bytes of one element. */
const sizes = {
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
} as const;

export type DType = keyof typeof sizes;

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
