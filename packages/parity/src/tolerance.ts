/** How far a value may lie from the expected one: `absolute + relative * |expected|`. Zero for both means exactly equal. */
export interface Tolerance {
  readonly absolute: number;
  readonly relative: number;
}

/** Indices, masks, counts: nothing may differ. */
export const exact: Tolerance = { absolute: 0, relative: 0 };

/** Interpolation: a product with a constant matrix. */
export const interpolation: Tolerance = { absolute: 1e-5, relative: 1e-5 };

/** Stacks of linear layers and attention. */
export const linearStack: Tolerance = { absolute: 1e-4, relative: 1e-5 };

/** Stacks of convolutions. */
export const convStack: Tolerance = { absolute: 2e-4, relative: 1e-5 };

/** Images at the end of a whole generation. */
export const wholeImage: Tolerance = { absolute: 1e-3, relative: 0 };

/** Scalars of a training step. */
export const loss: Tolerance = { absolute: 1e-7, relative: 1e-5 };

/** Formulas evaluated in float64. */
export const table: Tolerance = { absolute: 1e-15, relative: 1e-12 };

/**
 * Gradients scale with their tensor: 2e-3 of each element, and a few millionths of the largest. Small elements are what
 * large ones leave of each other, so that float32 decides them: on the smallest convolutional case PyTorch's own float32
 * gradients lie up to 1e-5 of the largest element from its float64 ones.
 */
export function gradient(expected: ArrayLike<number>, stack: 'linear' | 'conv'): Tolerance {
  const share = stack === 'conv' ? 1.5e-5 : 4e-6;
  return { absolute: share * largestMagnitude(expected), relative: 2e-3 };
}

/** Guidance adds up the errors of both halves: `u + w (c - u)`. */
export function guided({ absolute, relative }: Tolerance, weight: number): Tolerance {
  const factor = Math.abs(weight) + Math.abs(1 - weight);
  return { absolute: absolute * factor, relative: relative * factor };
}

export function largestMagnitude(values: ArrayLike<number>): number {
  let largest = 0;
  for (let i = 0; i < values.length; i++) largest = Math.max(largest, Math.abs(values[i]!));
  return largest;
}
