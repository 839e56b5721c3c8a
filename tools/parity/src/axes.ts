import type { Computed } from './comparison.ts';

/** Case files keep images as [B, C, H, W]; models take [B, H, W, C]. */
export function toChannelsLast(image_BCHW: Computed): { data: Float32Array; shape: number[] } {
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
