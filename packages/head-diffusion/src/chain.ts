import { diffusionTables } from './diffusion-tables.ts';

/**
 * A respaced chain as sampling needs it, in float64, by its own step:
 * mean = `keep` x - `remove` noise, and log variance = `base` + (v + 1) / 2 `range`.
 */
export interface Chain {
  readonly steps: number;
  /** The timestep that the denoiser is told. */
  readonly timesteps: Int32Array;
  readonly keep: Float64Array;
  readonly remove: Float64Array;
  readonly base: Float64Array;
  readonly range: Float64Array;
}

/**
 * Folds the estimate of the clean token, x / sqrt(abar) - sqrt(1/abar - 1) noise, into the posterior's mean: where
 * 1/sqrt(abar) is 2e4, their difference would lose digits.
 * @param timesteps the kept ones, ascending (`keptTimesteps`)
 */
export function openChain(timesteps: Int32Array): Chain {
  const tables = diffusionTables(timesteps);
  const { posteriorMeanCoef1: coef1, posteriorMeanCoef2: coef2, posteriorLogVarianceClipped: base } = tables;
  return {
    steps: tables.timestepMap.length,
    timesteps: tables.timestepMap,
    keep: coef1.map((factor, step) => factor * tables.sqrtRecipAlphasCumprod[step]! + coef2[step]!),
    remove: coef1.map((factor, step) => factor * tables.sqrtRecipm1AlphasCumprod[step]!),
    base,
    range: tables.betas.map((beta, step) => Math.log(beta) - base[step]!),
  };
}

/** One step of the chain for n tokens of C channels. */
export interface ChainStep {
  readonly chain: Chain;
  readonly step: number;
  /** [n, C], overwritten by the next tokens. */
  readonly x: Float32Array;
  /** What the denoiser said, [n, 2C]; guided: [2n, 2C], rows with the condition first. */
  readonly denoised: Float32Array;
  readonly channels: number;
  /** Guidance weight w of `u + w (c - u)`; 1 where rows are not doubled. */
  readonly weight: number;
  readonly temperature: number;
  /** Standard normal numbers: those of token i start at `i * stride + offset`. The last step (0) reads none. */
  readonly noise: { readonly data: Float32Array; readonly stride: number; readonly offset: number };
}

/**
 * x_t to x_(t-1): guidance mixes the predicted noise alone, the variance is the conditional rows' own; temperature scales
 * the step's noise (section 4.3 of arXiv 2406.11838).
 */
export function takeStep({ chain, step, x, denoised, channels, weight, temperature, noise }: ChainStep): void {
  const [keep, remove] = [chain.keep[step]!, chain.remove[step]!];
  const [base, range] = [chain.base[step]!, chain.range[step]!];
  const unconditional = denoised.length > 2 * x.length ? 2 * x.length : 0;
  for (let token = 0; token * channels < x.length; token++) {
    for (let c = 0; c < channels; c++) {
      const at = token * channels + c;
      const said = 2 * token * channels + c;
      const conditional = denoised[said]!;
      const other = denoised[unconditional + said]!;
      const mean = keep * x[at]! - remove * (other + weight * (conditional - other));
      if (step === 0) {
        x[at] = mean;
        continue;
      }
      const deviation = Math.exp(0.5 * (base + 0.5 * (denoised[said + channels]! + 1) * range));
      x[at] = mean + temperature * deviation * noise.data[token * noise.stride + noise.offset + c]!;
    }
  }
}
