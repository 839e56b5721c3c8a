import { bytesPerElement, type DType } from '../dtype.ts';

/** A run of elements in the file, shared by the tensors that look into it. */
export interface Storage {
  readonly kind: 'storage';
  /** Its name in the file. */
  readonly key: string;
  /** Null for bare bytes, of which each tensor says what they are. */
  readonly dtype: DType | null;
  /** Of its type, or bytes. */
  readonly elements: number;
}

/** A strided look into a storage; offset and strides count elements. */
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

/** True when the elements lie one behind the other in row-major order. */
export function isContiguous({ shape, strides }: TensorView): boolean {
  let expected = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    const side = shape[axis]!;
    if (side === 0) return true;
    if (side !== 1 && strides[axis] !== expected) return false;
    expected *= side;
  }
  return true;
}

/** Elements of the storage from the view's first to its last, both included; 0 for an empty view. */
export function spanOf({ shape, strides }: TensorView): number {
  if (shape.includes(0)) return 0;
  return shape.reduce((last, side, axis) => last + (side - 1) * strides[axis]!, 0) + 1;
}

/** Copies a view's elements into row-major order. `span` holds the storage from the view's offset on. */
export function gatherView(view: TensorView, span: Uint8Array, size: number): Uint8Array<ArrayBuffer> {
  const { shape, strides } = view;
  const count = shape.reduce((product, side) => product * side, 1);
  const result = new Uint8Array(count * size);
  const at = new Array<number>(shape.length).fill(0);
  let source = 0;
  for (let element = 0; element < count; element++) {
    for (let byte = 0; byte < size; byte++) result[element * size + byte] = span[source * size + byte]!;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      at[axis]! += 1;
      source += strides[axis]!;
      if (at[axis]! < shape[axis]!) break;
      source -= shape[axis]! * strides[axis]!;
      at[axis] = 0;
    }
  }
  return result;
}

/** Reverses the bytes of each number, in place: big-endian files. */
export function swapBytes(bytes: Uint8Array, size: number): void {
  for (let start = 0; start < bytes.length; start += size) bytes.subarray(start, start + size).reverse();
}
