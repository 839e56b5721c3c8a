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
  | Storage
  | TensorView;

/** The kind of a tagged value, or undefined for plain data. */
export function kindOf(value: PickleValue): 'global' | 'instance' | 'storage' | 'tensor' | undefined {
  if (value === null || typeof value !== 'object') return undefined;
  return 'kind' in value ? value.kind : undefined;
}
