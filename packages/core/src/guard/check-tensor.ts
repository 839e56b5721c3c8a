import type { DataType, Tensor } from '@tensorflow/tfjs';
import { wrongShape, type PartCall } from './part-call.ts';

/** A tensor that a part answers with. */
export interface TensorRule {
  /** `tokens.values_BlC` */
  readonly field: string;
  /** null: any size. */
  readonly shape: readonly (number | null)[];
  readonly dtype?: DataType;
}

/** @throws TesseraError `part-shape` */
export function checkTensor(part: PartCall, tensor: Tensor, { field, shape, dtype = 'float32' }: TensorRule): void {
  const found = tensor?.shape;
  const fits = Array.isArray(found) && found.length === shape.length;
  if (fits && shape.every((size, axis) => size === null || size === found[axis]) && tensor.dtype === dtype) return;
  const got = fits || found ? `${field} of [${found.join(', ')}] ${tensor.dtype}` : `no tensor ${field}`;
  throw wrongShape(part, got, `[${shape.map((size) => size ?? 'any').join(', ')}] ${dtype}`);
}

/** The tensors that an answer holds directly. */
export function tensorsOf(answer: object | null | undefined): Tensor[] {
  return Object.values(answer ?? {}).filter((value): value is Tensor => typeof value?.dataSync === 'function');
}
