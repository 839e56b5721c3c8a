import { TesseraError } from '@tessera/errors';
import { bytesPerElement, type DType } from '../checkpoint.ts';

/** A class or function of the allow-list, by its name. */
export interface Global {
  readonly kind: 'global';
  /** `torch._utils._rebuild_tensor_v2` */
  readonly name: string;
}

/** An instance of which only the attributes matter (argparse.Namespace). */
export interface Instance {
  readonly kind: 'instance';
  readonly attributes: Map<PickleKey, PickleValue>;
}

/** Stands in for an object whose class is not on the allow-list. It only holds what the file gives it. */
export interface Unknown {
  readonly kind: 'unknown';
  /** Its class or function: `pathlib.PosixPath`. */
  readonly name: string;
  /** Arguments, list entries, and states that are not dicts. */
  readonly parts: PickleValue[];
  /** Dict entries and attributes. */
  readonly items: Map<PickleKey, PickleValue>;
}

export type PickleKey = string | number | bigint | boolean | null;

/** All that a pickle can describe: plain data and tensors. Tuples and lists are both arrays. */
export type PickleValue =
  | PickleKey
  | Uint8Array
  | PickleValue[]
  | Map<PickleKey, PickleValue>
  | Set<PickleValue>
  | Global
  | Instance
  | Unknown
  | Storage
  | TensorView;

/** The kind of a tagged value, or undefined for plain data. */
export function kindOf(value: PickleValue): 'global' | 'instance' | 'unknown' | 'storage' | 'tensor' | undefined {
  if (value === null || typeof value !== 'object') return undefined;
  return 'kind' in value ? value.kind : undefined;
}

export function isUnknown(value: PickleValue | undefined): value is Unknown {
  return value !== undefined && kindOf(value) === 'unknown';
}

/** A run of elements in the file, shared by the tensors that are views of it. */
export interface Storage {
  readonly kind: 'storage';
  /** Its name in the file. */
  readonly key: string;
  /** Null for untyped bytes, whose type each tensor gives. */
  readonly dtype: DType | null;
  /** Number of elements of its type, or of bytes. */
  readonly elements: number;
}

/** A strided view of a storage; offset and strides count elements. */
export interface TensorView {
  readonly kind: 'tensor';
  readonly storage: Storage;
  readonly dtype: DType;
  readonly offset: number;
  readonly shape: readonly number[];
  readonly strides: readonly number[];
}

export function byteLengthOf({ dtype, elements }: Storage): number {
  return elements * (dtype === null ? 1 : bytesPerElement(dtype));
}

/** Elements of the storage from the view's first to its last, both included; 0 for an empty view. */
export function spanOf({ shape, strides }: TensorView): number {
  if (shape.includes(0)) return 0;
  return shape.reduce((last, side, axis) => last + (side - 1) * strides[axis]!, 0) + 1;
}

/** Error for a pickle that breaks its own grammar, or holds something that weight files never hold. */
export function malformed(who: string, got: string, expected: string): TesseraError {
  return new TesseraError({
    code: 'pickle-malformed',
    who,
    got,
    expected,
    next: 'The file is damaged, or was not written by torch.save.',
  });
}
