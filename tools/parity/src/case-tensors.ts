import type { Tensor, Tensor4D } from '@tensorflow/tfjs';
import { tensorFrom } from '@tessera/engine';

/** What a runner computed, in the case file's own layout. */
export interface Computed {
  readonly data: ArrayLike<number>;
  readonly shape: readonly number[];
}

/** An image of a case file, [B, C, H, W], as a tensor [B, H, W, C]. */
export function imageTensor(image_BCHW: Computed): Tensor4D {
  const { data, shape } = toChannelsLast(image_BCHW);
  return tensorFrom(data, shape) as Tensor4D;
}

export function floatTensor<T extends Tensor>({ data, shape }: Computed): T {
  return tensorFrom(Float32Array.from(data), shape) as T;
}

export function indexTensor<T extends Tensor>({ data, shape }: Computed): T {
  return tensorFrom(Int32Array.from(data), shape, 'int32') as T;
}

/** Case files keep images as [B, C, H, W]; models take [B, H, W, C]. */
function toChannelsLast(image_BCHW: Computed): { data: Float32Array; shape: number[] } {
  return permute(image_BCHW, [0, 2, 3, 1]);
}

export function toChannelsFirst(image_BHWC: Computed): { data: Float32Array; shape: number[] } {
  return permute(image_BHWC, [0, 3, 1, 2]);
}

/** Output axis i is input axis `order[i]`. */
export function permute({ data, shape }: Computed, order: readonly number[]): { data: Float32Array; shape: number[] } {
  const strides = shape.map((_, axis) => shape.slice(axis + 1).reduce((product, size) => product * size, 1));
  const sizes = order.map((axis) => shape[axis]!);
  const steps = order.map((axis) => strides[axis]!);
  const permuted = new Float32Array(data.length);
  const at = sizes.map(() => 0);
  let source = 0;
  for (let i = 0; i < permuted.length; i++) {
    permuted[i] = data[source]!;
    for (let axis = sizes.length - 1; axis >= 0; axis--) {
      source += steps[axis]!;
      if (++at[axis]! < sizes[axis]!) break;
      source -= steps[axis]! * sizes[axis]!;
      at[axis] = 0;
    }
  }
  return { data: permuted, shape: sizes };
}

/** Rows [start, end) of the first axis. */
export function rows({ data, shape }: Computed, start: number, end: number): { data: Float32Array; shape: number[] } {
  const size = shape.slice(1).reduce((product, length) => product * length, 1);
  return { data: Float32Array.from(data).subarray(start * size, end * size), shape: [end - start, ...shape.slice(1)] };
}

/** Softmax of one row in which removed entries are -Infinity. */
export function softmax(logits_V: Float32Array): Float32Array {
  const largest = logits_V.reduce((a, b) => Math.max(a, b), -Infinity);
  const weights = logits_V.map((logit) => Math.exp(logit - largest));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return weights.map((weight) => weight / total);
}

/** Case files write the null class as the number of classes; Tessera as -1. */
export function nullLabels({ data, shape }: Computed, classes: number): Computed {
  return { data: Int32Array.from(data, (label) => (label === classes ? -1 : label)), shape };
}

/** Random numbers where there are to be none. */
export function neverAsked(stream: string): never {
  throw new Error(`Outside of training nothing is random, yet stream ${stream} was drawn.`);
}
