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

/** Losses of single rows: sums over a row's channels. */
export const rowLoss: Tolerance = { absolute: 1e-7, relative: 3e-5 };

/** Up to here the noise's error moves a step's mean by less than a fiftieth of itself; from t = 990 on by a fifth and more. */
const EARLY = 900;
const earlyBound: Tolerance = { absolute: 4e-7, relative: 1e-4 };

/**
 * The variational bound of a row at timestep t of 1000. It compares a step's posterior with the denoiser's, and in float32
 * three differences cancel, all of them in PyTorch's way of writing the bound:
 * - the means, coef1 x0 + coef2 x_t each, are as large as tokens and differ by f e alone, where e is the error of the noise
 *   and f = beta / sqrt(alpha (1 - abar)) is 0.003 to 0.007 for 1 <= t <= 700, 0.02 at t = 900 and 1 at the end. Their rounding
 *   of 6e-8 becomes 1e-5 of the difference and 2e-5 of its square. Measured against float64 with tokens and errors of
 *   standard deviation 1 and 4 channels: median 6e-6, 99% of rows below 5e-5 (t = 1) to 1e-4 (t = 100), below 4e-5 at t = 700
 *   and 2e-6 at t = 990; in proportion to the tokens' size.
 * - `-1 + log variance` is rounded to half a unit in the last place, 4.8e-7 where it lies below -8 (t of about 100): 3.5e-7
 *   of the bound, whatever is left of it.
 * - at t = 0 the means again, then two values of the normal distribution function: 1.4e-5 for 99% of rows.
 * Our own way (`diffusionLosses`) starts from e, and lies within 6e-7 of float64 at t = 1 and 1e-6 (median) at t = 100.
 */
export function bound(timestep: number): Tolerance {
  return timestep < EARLY ? earlyBound : rowLoss;
}

/** What both terms of a row may be off together. */
export function boundedLoss(timestep: number, vb: number): Tolerance {
  const { absolute, relative } = bound(timestep);
  return { absolute: absolute + relative * Math.abs(vb), relative: rowLoss.relative };
}

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
