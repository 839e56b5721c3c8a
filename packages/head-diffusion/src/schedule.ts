import { roundHalfEven } from '@tessera/core';
import { TesseraError } from '@tessera/errors';

/*
 * The noise schedule of the diffusion head (MAR, arXiv 2406.11838, section 4.1): a cosine schedule of 1000 steps for
 * training, shorter chains of it for sampling. In float64.
 */

/** Length of the chain that denoisers are trained on. */
export const TRAINED_STEPS = 1000;

/**
 * Constants of a chain of T steps, by its own step; names follow Ho et al. 2020 (DDPM, arXiv 2006.11239): alpha = 1 - beta,
 * and abar (`alphasCumprod`) is the product of all alphas so far.
 */
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
  /** The step of the trained chain that the denoiser is conditioned on. */
  readonly timestepMap: Int32Array;
}

/**
 * The cosine schedule, respaced: the cumulative alphas of the kept steps make new betas, beta = 1 - abar_t / abar_(t-1)
 * (Nichol & Dhariwal 2021, arXiv 2102.09672, equation 19), and from these everything else.
 * @param timestepMap the kept steps of the trained chain, ascending (`keptTimesteps`)
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

/** abar(u) = cos^2((u + 0.008) / 1.008 pi / 2), with beta at most 0.999 (Nichol & Dhariwal 2021, equation 17). */
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

/** Mean and variance of the posterior q(x_(t-1) | x_t, x_0): Ho et al. 2020, equation 7. */
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

/**
 * A respaced chain as sampling needs it, by its own step: mean = `keep` x - `remove` noise (Ho et al. 2020, equation 11),
 * and log variance = `base` + (v + 1) / 2 `range`, between the posterior's and ln beta (Nichol & Dhariwal 2021,
 * equation 15).
 */
export interface Chain {
  readonly steps: number;
  /** The timestep that the denoiser is conditioned on. */
  readonly timesteps: Int32Array;
  readonly keep: Float64Array;
  readonly remove: Float64Array;
  readonly base: Float64Array;
  readonly range: Float64Array;
  /** The estimate of the clean token: `keep` x - `remove` noise. */
  readonly clean: { readonly keep: Float64Array; readonly remove: Float64Array };
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
    clean: { keep: tables.sqrtRecipAlphasCumprod, remove: tables.sqrtRecipm1AlphasCumprod },
  };
}

/** How long the chain is at the first step of the order, and at the last; `lateSteps` 0 leaves all of them as long. */
interface Annealing {
  readonly steps: number;
  readonly lateSteps: number;
}

/**
 * Denoising steps at a step of the order (DiSA, Zhao et al. 2025, arXiv 2505.20297, the linear schedule): late tokens are
 * so well determined by the known ones that few steps suffice. Depends on the place of the step alone, so that images do
 * not depend on their batch.
 */
export function annealedSteps(
  { steps, lateSteps }: Annealing,
  { index, of }: { readonly index: number; readonly of: number },
): number {
  if (lateSteps === 0) return steps;
  return Math.round(steps + ((lateSteps - steps) * index) / Math.max(1, of - 1));
}

/** `count` places of a chain of `steps`, 2 at least, or all: ascending, evenly spread, the first and the last among them. */
export function evenPlaces(steps: number, count: number): Int32Array {
  const stride = (i: number): number => Math.round((i * (steps - 1)) / (count - 1));
  return Int32Array.from({ length: count }, (_, i) => (count === steps ? i : stride(i)));
}

/**
 * Which steps of the trained chain a shorter chain keeps, ascending (Nichol & Dhariwal 2021, section 4).
 * `"100"`: that many, evenly spread. `"10,15,20"`: the chain in equal sections, so many of each; a section of none is
 * left out. `"ddim50"`: every k-th step from the first, where a whole k gives that many. `""`: all.
 * @throws TesseraError `respacing-misfit`
 */
export function keptTimesteps(respacing: string): Int32Array {
  const wrong = respacingMisfit(respacing);
  if (wrong === null) return respacing === '' ? evenly(TRAINED_STEPS, 1) : keep(respacing);
  throw new TesseraError({
    code: 'respacing-misfit',
    who: 'diffusion',
    got: `the respacing ${JSON.stringify(respacing.slice(0, 60))}`,
    expected: wrong,
  });
}

/** What would have been right; null where the respacing fits. */
export function respacingMisfit(respacing: string): string | null {
  if (respacing === '') return null;
  if (respacing.startsWith('ddim')) {
    const count = respacing.slice(4);
    if (/^\d+$/.test(count) && strideFor(Number(count)) !== null) return null;
    return `a number of steps after ddim that a whole stride through ${TRAINED_STEPS} gives, as ddim50`;
  }
  const counts = respacing.split(',');
  if (!counts.every((count) => /^\d+$/.test(count))) return 'a number of steps as 100, sections as 10,15,20, or ddim50';
  const sizes = sectionSizes(counts.length);
  const long = counts.findIndex((count, section) => Number(count) > sizes[section]!);
  if (long >= 0) {
    const where = counts.length === 1 ? '' : ` in section ${long + 1} of ${counts.length}`;
    return `at most ${sizes[long]} steps${where}`;
  }
  return counts.some((count) => Number(count) > 0) ? null : 'at least one step';
}

function keep(respacing: string): Int32Array {
  if (respacing.startsWith('ddim')) {
    const count = Number(respacing.slice(4));
    return evenly(count, strideFor(count)!);
  }
  const counts = respacing.split(',').map(Number);
  const sizes = sectionSizes(counts.length);
  let start = 0;
  const kept = counts.flatMap((count, section) => {
    const size = sizes[section]!;
    const places = spread(count, size).map((place) => start + place);
    start += size;
    return places;
  });
  return Int32Array.from(kept);
}

/** Lengths of the sections, as equal as possible: the first ones take the remainder. */
function sectionSizes(sections: number): number[] {
  const [size, over] = [Math.floor(TRAINED_STEPS / sections), TRAINED_STEPS % sections];
  return Array.from({ length: sections }, (_, section) => size + (section < over ? 1 : 0));
}

/** `count` places from 0 to `size - 1`, both ends included. Strides are added up, since rounding depends on it. */
function spread(count: number, size: number): number[] {
  const stride = count > 1 ? (size - 1) / (count - 1) : 1;
  const places: number[] = [];
  for (let i = 0, place = 0; i < count; i++, place += stride) places.push(roundHalfEven(place));
  return places;
}

/** The smallest whole stride whose walk through the chain has this many steps. */
function strideFor(count: number): number | null {
  for (let stride = 1; stride < TRAINED_STEPS; stride++) {
    if (Math.ceil(TRAINED_STEPS / stride) === count) return stride;
  }
  return null;
}

function evenly(count: number, stride: number): Int32Array {
  return Int32Array.from({ length: count }, (_, i) => i * stride);
}
