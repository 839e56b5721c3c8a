import type { Storage, TensorView } from '../torch/tensor-view.ts';

/** A class of the allow-list, before anything was made from it. */
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

/** Stands for an object that is not made: its class is not on the allow-list. It only holds what the file gives it. */
export interface Unknown {
  readonly kind: 'unknown';
  /** Its class or function: `pathlib.PosixPath`. */
  readonly name: string;
  /** Arguments, list entries, states that are no dict. */
  readonly parts: PickleValue[];
  /** Dict entries and attributes. */
  readonly items: Map<PickleKey, PickleValue>;
}

export type PickleKey = string | number | bigint | boolean | null;

/** What a pickle can describe here: plain data and tensors. Tuples and lists are both arrays. */
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
