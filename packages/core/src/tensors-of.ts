import type { Tensor } from '@tensorflow/tfjs';

/** The tensors of an answer or an argument: itself, what it holds, and what that holds (`Sampled.tokens`, `Lesson.cut`). */
export function tensorsOf(value: unknown, depth = 2): Tensor[] {
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return [];
  if (isTensor(value)) return [value];
  return depth === 0 ? [] : Object.values(value).flatMap((held) => tensorsOf(held, depth - 1));
}

export function isTensor(value: unknown): value is Tensor {
  return typeof (value as Tensor | null | undefined)?.dataSync === 'function';
}
