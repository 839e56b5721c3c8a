import type { DataType, Tensor } from '@tensorflow/tfjs';
import { wrongShape, type PartCall } from './part-call.ts';
import { isTensor } from '@tessera/core';

/** A tensor that a part answers with. */
export interface TensorRule {
  /** `tokens.values_BlC` */
  readonly field: string;
  /** null: any size. */
  readonly shape: readonly (number | null)[];
  readonly dtype?: DataType;
}

/** @throws TesseraError `part-shape` */
export function checkTensor(part: PartCall, tensor: unknown, { field, shape, dtype = 'float32' }: TensorRule): void {
  const expected = `[${shape.map((size) => size ?? 'any').join(', ')}] ${dtype}`;
  if (!isTensor(tensor)) throw wrongShape(part, `no tensor ${field}`, expected);
  if (tensor.isDisposed) throw wrongShape(part, `${field}, already disposed`, 'a tensor of its own from every call');
  const found = tensor.shape;
  const fits = found.length === shape.length && shape.every((size, axis) => size === null || size === found[axis]);
  if (!fits || tensor.dtype !== dtype) {
    throw wrongShape(part, `${field} of [${found.join(', ')}] ${tensor.dtype}`, expected);
  }
}

/** The first number of no use: not finite, or no index below `below`; null where all are well. */
export async function findUseless(tensor: Tensor, below?: number): Promise<number | null> {
  const data = await tensor.data();
  for (let i = 0; i < data.length; i++) {
    const value = data[i]!;
    if (below === undefined ? !Number.isFinite(value) : !(value >= 0 && value < below)) return value;
  }
  return null;
}
