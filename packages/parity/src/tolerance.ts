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

/**
 * Losses of single rows through the variational bound, where PyTorch takes the difference of numbers up to 2e4 times larger:
 * its float32 values lie up to 1.5e-5 from those of float64, ours a tenth of that.
 */
export const rowLoss: Tolerance = { absolute: 1e-7, relative: 3e-5 };

/** Formulas evaluated in float64. */
export const table: Tolerance = { absolute: 1e-15, relative: 1e-12 };

/** Share of a tensor's largest gradient that every element may be off, by what the gradient comes through. */
const SHARES = { linear: 4e-6, conv: 1.5e-5, bound: 1e-5 } as const;

/** Linear layers, convolutions, or the variational bound of a diffusion loss. */
export type GradientPath = keyof typeof SHARES;

/**
 * Gradients scale with their tensor: 2e-3 of each element, and a few millionths of the largest. Small elements are what
 * large ones leave of each other, so that float32 decides them: on the smallest convolutional case PyTorch's own float32
 * gradients lie up to 1e-5 of the largest element from its float64 ones, and through the variational bound 6e-6.
 */
export function gradient(expected: ArrayLike<number>, through: GradientPath): Tolerance {
  return { absolute: SHARES[through] * largestMagnitude(expected), relative: 2e-3 };
}

/** Chains of denoising steps: a share of the largest element. */
export function chain(expected: ArrayLike<number>): Tolerance {
  return { absolute: 1e-3 * largestMagnitude(expected), relative: 0 };
}

/** One denoising step: a share of each row's largest element, since a chain's first steps reach 1e5. */
export function denoised({ data, shape }: { readonly data: ArrayLike<number>; readonly shape: readonly number[] }) {
  const width = shape.at(-1)!;
  const rows = Array.from({ length: data.length / width }, (_, row): Tolerance => {
    const numbers = Array.from({ length: width }, (_, c) => data[row * width + c]!);
    return { absolute: 2e-4 * largestMagnitude(numbers), relative: 0 };
  });
  return (index: number): Tolerance => rows[Math.floor(index / width)]!;
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
