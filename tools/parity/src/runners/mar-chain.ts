import * as tf from '@tensorflow/tfjs';
import type { Tensor3D } from '@tensorflow/tfjs';
import { classOf, type Hidden, type Row } from '@tessera/core';
import { type Engine, tensorFrom } from '@tessera/engine';
import {
  type Chain,
  diffusionHead,
  diffusionTables,
  type DiffusionTables,
  keptTimesteps,
  openChain,
  takeStep,
} from '@tessera/head-diffusion';
import { type CaseFile, type CaseTensor, metadataOf, tensorOf } from '../case-file.ts';
import type { Checks, CaseRunner } from '../comparison.ts';
import type { Computed } from '../case-tensors.ts';
import { diffusionConfigOf } from '../mar-case.ts';
import { recordedRng, type SetRecord, setStream } from '../recorded-rng.ts';
import { chain as chainTolerance, denoised, exact } from '../tolerance.ts';
import { configOf } from '../var-case.ts';
import { type CaseDenoiser, compileDenoise, type Denoise, guideHalves, openCaseDenoiser } from './mar-denoiser.ts';

/** One setting of a file; its tensors begin with `i`. */
interface Setting {
  readonly i: number;
  readonly temperature: number;
  readonly cfg: number;
  /** Left out: the model's own. */
  readonly respacing?: string;
}

const PARTS = ['mean', 'log_variance', 'pred_xstart', 'sample'] as const;

/** Single denoising steps at chosen places of a chain, one a row. */
export const marPstepsRunner: CaseRunner = {
  kind: 'mar.psteps',
  async run(file, { checks, engine }) {
    const net = await openCaseDenoiser(file);
    const { denoise, dispose } = compileDenoise(net, engine);
    for (const { i, cfg, temperature, respacing } of metadataOf(file, 'cases') as Setting[]) {
      const taken = await takenStep(denoise, {
        ...caseChain(respacing ?? net.sizes.respacing),
        steps: [...tensorOf(file, `${i}.in.t`).data],
        x: tensorOf(file, `${i}.in.x`),
        hidden: tensorOf(file, `${i}.in.z`),
        noise: tensorOf(file, `${i}.rand.noise`).data,
        guidance: cfg,
        temperature,
      });
      for (const part of PARTS) {
        const name = `${i}.out.${part}`;
        checks.check(name, taken[part], denoised(tensorOf(file, name)));
      }
    }
    dispose();
    net.weights.dispose();
  },
};

/** Whole chains, step by step, and once more through the head. */
export const marPsampleRunner: CaseRunner = {
  kind: 'mar.psample',
  async run(file, { checks, engine }) {
    const net = await openCaseDenoiser(file);
    const { denoise, dispose } = compileDenoise(net, engine);
    const chain = caseChain(net.sizes.respacing);
    const recorded = tensorOf(file, 'in.timestep_map');
    checks.check('in.timestep_map', { data: chain.tables.timestepMap, shape: recorded.shape }, exact);
    for (const setting of metadataOf(file, 'cases') as Setting[]) {
      const run = { file, checks, engine, net, setting };
      await checkFinal(run, await checkChain(run, denoise, chain));
    }
    dispose();
    net.weights.dispose();
  },
};

interface Run {
  readonly file: CaseFile;
  readonly checks: Checks;
  readonly engine: Engine;
  readonly net: CaseDenoiser;
  readonly setting: Setting;
}

/** Every step from the recorded first noise on, both halves where guided. Gives the last sample back. */
async function checkChain({ file, checks, setting }: Run, denoise: Denoise, chain: CaseChain): Promise<Computed> {
  const { i, cfg, temperature } = setting;
  const noise = tensorOf(file, `${i}.rand.step_noise`);
  const [count, rows, channels] = noise.shape as [number, number, number];
  const init = tensorOf(file, `${i}.rand.init`);
  const halves = Array.from({ length: rows / init.shape[0]! }, () => [...init.data]);
  let x: Computed = { data: halves.flat(), shape: [rows, channels] };
  const all: TakenStep[] = [];
  for (let k = 0; k < count; k++) {
    const steps = Array.from({ length: init.shape[0]! }, () => count - 1 - k);
    const own = noise.data.subarray(k * rows * channels, (k + 1) * rows * channels);
    const hidden = tensorOf(file, `${i}.in.z`);
    all.push(await takenStep(denoise, { ...chain, steps, x, hidden, noise: own, guidance: cfg, temperature }));
    x = all[k]!.sample;
  }
  for (const part of PARTS) {
    const name = `${i}.out.${part}`;
    const data = all.flatMap((taken) => [...(taken[part].data as number[])]);
    checks.check(name, { data, shape: noise.shape }, chainTolerance(tensorOf(file, name).data));
  }
  return x;
}

/** What the head makes of the same tokens; it never computes the second half, which comes from the steps. */
async function checkFinal({ file, checks, engine, net, setting }: Run, stepped: Computed): Promise<void> {
  const { i, cfg, temperature } = setting;
  const config = diffusionHead.config.parse(diffusionConfigOf(configOf(file), file.name), file.name);
  const { channels, respacing } = net.sizes;
  const space = { kind: 'continuous', channels } as const;
  const head = diffusionHead.build(config, { width: net.condition, space }, { engine, weights: net.weights.again() });
  const record: SetRecord = {
    init: tensorOf(file, `${i}.rand.init`),
    steps: tensorOf(file, `${i}.rand.step_noise`),
    rowOf: (_, position) => position,
  };
  const rows = record.init.shape[0]!;
  const hidden = hiddenOf(tensorOf(file, `${i}.in.z`), rows);
  const { tokens } = await head.sample(hidden, {
    step: { index: 0, of: 1, before: rows, after: 0, positions_Bl: hidden.positions_Bl },
    rows: [{ seed: 0, condition: classOf(0) } satisfies Row],
    weight: cfg,
    rng: recordedRng([setStream('diffusion', () => record)]),
    options: { temperature, respacing, lateSteps: 0 },
    signal: new AbortController().signal,
  });
  const data = Float32Array.from(stepped.data);
  data.set(await tokens.values_BlC.data<'float32'>());
  tf.dispose([tokens.values_BlC, hidden.values_RlD]);
  head.dispose();
  const name = `${i}.out.final`;
  checks.check(name, { data, shape: stepped.shape }, chainTolerance(tensorOf(file, name).data));
}

/** One image with a token per row. */
function hiddenOf({ data, shape }: CaseTensor, rows: number): Hidden {
  const [all, width] = shape as [number, number];
  const values_RlD = tensorFrom(Float32Array.from(data), [all / rows, rows, width]) as Tensor3D;
  return { values_RlD, positions_Bl: Int32Array.from({ length: rows }, (_, p) => p), guided: all > rows };
}

/** A respaced chain, and the tables that it is folded from. */
interface CaseChain {
  readonly chain: Chain;
  readonly tables: DiffusionTables;
}

function caseChain(respacing: string): CaseChain {
  const timesteps = keptTimesteps(respacing);
  return { chain: openChain(timesteps), tables: diffusionTables(timesteps) };
}

/** One denoising step of n tokens. Guided, all rows may be doubled: those with the condition come first. */
interface GivenStep extends CaseChain {
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

type TakenStep = Readonly<Record<'mean' | 'log_variance' | 'pred_xstart' | 'sample', Computed>>;

/** The head's own step, and what it is made of. */
async function takenStep(denoise: Denoise, given: GivenStep): Promise<TakenStep> {
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
