import {
  diffusionTables,
  keptTimesteps,
  openChain,
  takeStep,
  type Chain,
  type DiffusionTables,
} from '@tessera/head-diffusion';
import { guideHalves, type Denoise } from './case-denoiser.ts';
import type { Computed } from './comparison.ts';

/** A respaced chain, and the tables that it is folded from. */
export interface CaseChain {
  readonly chain: Chain;
  readonly tables: DiffusionTables;
}

export function caseChain(respacing: string): CaseChain {
  const timesteps = keptTimesteps(respacing);
  return { chain: openChain(timesteps), tables: diffusionTables(timesteps) };
}

/** One denoising step of n tokens. Guided, all rows may be doubled: those with the condition come first. */
export interface GivenStep extends CaseChain {
  /** The chain's own step of each token. */
  readonly steps: readonly number[];
  /** [n, C], or both halves; the denoiser sees the first half alone. */
  readonly x: Computed;
  /** [n, D] or [2n, D] */
  readonly hidden: Computed;
  /** As long as `x`. */
  readonly noise: ArrayLike<number>;
  readonly guidance: number;
  readonly temperature: number;
}

export type TakenStep = Readonly<Record<'mean' | 'log_variance' | 'pred_xstart' | 'sample', Computed>>;

/** The head's own step, and what it is made of. */
export async function takenStep(denoise: Denoise, given: GivenStep): Promise<TakenStep> {
  const { chain, x, hidden, guidance } = given;
  const tokens = given.steps.length;
  const channels = x.shape[1]!;
  const halves = hidden.shape[0]! / tokens;
  const steps = Array.from({ length: halves }, () => given.steps).flat();
  const first = Array.from(x.data).slice(0, tokens * channels);
  const denoised = await denoise({
    noised: { data: Array.from({ length: halves }, () => first).flat(), shape: [steps.length, channels] },
    timesteps: steps.map((step) => chain.timesteps[step]!),
    hidden,
  });
  const mixed = halves === 2 ? guideHalves(denoised, { channels, weight: guidance }) : denoised;
  const said = (from: Float32Array, row: number) => [...from.subarray(row * 2 * channels, (row + 1) * 2 * channels)];
  const taken = Array.from({ length: x.data.length / channels }, (_, row) => {
    // The first half goes through the head's own guidance; nothing but cases asks for the second.
    const doubled = halves === 2 && row < tokens;
    const own = doubled ? [...said(denoised, row), ...said(denoised, tokens + row)] : said(mixed, row);
    const weight = doubled ? guidance : 1;
    return tokenStep(given, { row, step: steps[row]!, own: Float32Array.from(own), weight, mixed: said(mixed, row) });
  });
  const collect = (name: keyof TakenStep): Computed => ({ data: taken.flatMap((row) => row[name]), shape: x.shape });
  return {
    mean: collect('mean'),
    log_variance: collect('log_variance'),
    pred_xstart: collect('pred_xstart'),
    sample: collect('sample'),
  };
}

interface TokenStep {
  readonly row: number;
  readonly step: number;
  /** What the step is given: one row, or both halves' rows. */
  readonly own: Float32Array;
  readonly weight: number;
  /** The guided noise and the row's own variance. */
  readonly mixed: readonly number[];
}

function tokenStep({ chain, tables, ...given }: GivenStep, { row, step, own, weight, mixed }: TokenStep) {
  const channels = given.x.shape[1]!;
  const numbers = (all: ArrayLike<number>) =>
    Float32Array.from({ length: channels }, (_, c) => all[row * channels + c]!);
  const x = numbers(given.x.data);
  const noise = { data: numbers(given.noise), stride: channels, offset: 0 };
  const take = (temperature: number): number[] => {
    const next = x.slice();
    takeStep({ chain, step, x: next, denoised: own, channels, weight, temperature, noise });
    return [...next];
  };
  const [recip, recipm1] = [tables.sqrtRecipAlphasCumprod[step]!, tables.sqrtRecipm1AlphasCumprod[step]!];
  return {
    mean: take(0),
    sample: take(given.temperature),
    log_variance: mixed.slice(channels).map((place) => chain.base[step]! + 0.5 * (place + 1) * chain.range[step]!),
    pred_xstart: [...x].map((value, c) => recip * value - recipm1 * mixed[c]!),
  };
}
