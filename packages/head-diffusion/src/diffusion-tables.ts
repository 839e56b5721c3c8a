import { TRAINED_STEPS } from './respacing.ts';

/** Constants of a chain of T steps in float64, by its own step; names follow Ho et al. 2020. */
export interface DiffusionTables {
  readonly betas: Float64Array;
  readonly alphasCumprod: Float64Array;
  readonly sqrtAlphasCumprod: Float64Array;
  readonly sqrtOneMinusAlphasCumprod: Float64Array;
  readonly sqrtRecipAlphasCumprod: Float64Array;
  readonly sqrtRecipm1AlphasCumprod: Float64Array;
  readonly posteriorVariance: Float64Array;
  /** The first entry would be -Infinity and takes the second's value. */
  readonly posteriorLogVarianceClipped: Float64Array;
  /** Posterior mean: coef1 x_0 + coef2 x_t. */
  readonly posteriorMeanCoef1: Float64Array;
  readonly posteriorMeanCoef2: Float64Array;
  /** The step of the trained chain that the denoiser is told. */
  readonly timestepMap: Int32Array;
}

/**
 * The cosine schedule (Nichol & Dhariwal 2021), respaced: the kept steps' cumulative alphas make new betas, and from
 * these everything else.
 * @param timestepMap the kept ones of the trained chain, ascending (`keptTimesteps`)
 */
export function diffusionTables(timestepMap: Int32Array): DiffusionTables {
  const trained = cumulativeProducts(cosineBetas());
  let last = 1;
  const betas = Float64Array.from(timestepMap, (step) => {
    const beta = 1 - trained[step]! / last;
    last = trained[step]!;
    return beta;
  });
  return { ...tablesOf(betas), timestepMap };
}

function cosineBetas(): Float64Array {
  const remaining = (u: number): number => Math.cos((((u + 0.008) / 1.008) * Math.PI) / 2) ** 2;
  return Float64Array.from({ length: TRAINED_STEPS }, (_, i) =>
    Math.min(1 - remaining((i + 1) / TRAINED_STEPS) / remaining(i / TRAINED_STEPS), 0.999),
  );
}

function cumulativeProducts(betas: Float64Array): Float64Array {
  let product = 1;
  return betas.map((beta) => (product *= 1 - beta));
}

function tablesOf(betas: Float64Array): Omit<DiffusionTables, 'timestepMap'> {
  const alphasCumprod = cumulativeProducts(betas);
  const before = (step: number): number => (step === 0 ? 1 : alphasCumprod[step - 1]!);
  const posteriorVariance = betas.map((beta, step) => (beta * (1 - before(step))) / (1 - alphasCumprod[step]!));
  return {
    betas,
    alphasCumprod,
    sqrtAlphasCumprod: alphasCumprod.map(Math.sqrt),
    sqrtOneMinusAlphasCumprod: alphasCumprod.map((left) => Math.sqrt(1 - left)),
    sqrtRecipAlphasCumprod: alphasCumprod.map((left) => Math.sqrt(1 / left)),
    sqrtRecipm1AlphasCumprod: alphasCumprod.map((left) => Math.sqrt(1 / left - 1)),
    posteriorVariance,
    posteriorLogVarianceClipped: posteriorVariance.map((variance, step, all) => Math.log(all[step || 1] ?? variance)),
    posteriorMeanCoef1: betas.map((beta, step) => (beta * Math.sqrt(before(step))) / (1 - alphasCumprod[step]!)),
    posteriorMeanCoef2: betas.map(
      (beta, step) => ((1 - before(step)) * Math.sqrt(1 - beta)) / (1 - alphasCumprod[step]!),
    ),
  };
}
