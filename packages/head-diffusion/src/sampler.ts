import * as tf from '@tensorflow/tfjs';
import type { Tensor2D, Tensor3D } from '@tensorflow/tfjs';
import type { Hidden, SampleContext, Step } from '@tessera/core';
import { tensorFrom, type Engine, type Program } from '@tessera/engine';
import { TesseraError } from '@tessera/errors';
import { cancelPoint, doubled, guidedNumber, noisePerToken, openMixture, takeNumbers } from '@tessera/head-kit';
import { timestepFeatures, TIMESTEP_FEATURES, type Denoiser } from './denoiser.ts';
import type { DiffusionOptions } from './options.ts';
import { annealedSteps, evenPlaces, keptTimesteps, openChain, type Chain } from './schedule.ts';

interface TokenSampler {
  /** Runs a whole chain for a set of tokens: [B, l, C] row-major. @throws the signal's reason; `tokens-not-finite` */
  sample(hidden: Hidden, context: SampleContext<DiffusionOptions>): Promise<Float32Array>;
  dispose(): void;
}

/** What tokens are: C channels, and how the denoiser's unit scale becomes theirs; null where it is the same. */
interface TokenKind {
  readonly channels: number;
  readonly toTokens: ((unit_NC: Tensor2D) => Tensor2D) | null;
}

/**
 * Draws tokens by denoising (MAR, arXiv 2406.11838, section 3.2, "Sampler"). Programs take any number of rows. Conditions
 * are embedded once per set, timesteps once per chain. A denoising step is one call whose results, 2C numbers a row, are
 * read back: what follows is too little to be worth a program, and guided and unguided sets share one.
 */
export function openSampler(engine: Engine, denoiser: Denoiser, { channels, toTokens }: TokenKind): TokenSampler {
  const chains = openTimedChains(engine, denoiser);
  const embed = engine.compile(
    (values_RlD: Tensor3D) => denoiser.embedCondition(tf.reshape(values_RlD, [-1, values_RlD.shape[2]])),
    { name: 'diffusion.condition', axes: ['R l .'] },
  );
  const denoise = engine.compile(
    (x_NC: Tensor2D, condition_NW: Tensor2D, time_1W: Tensor2D) =>
      denoiser.denoise(x_NC, tf.add(condition_NW, time_1W)),
    { name: 'diffusion.denoise', axes: ['N .', 'N .', '. .'] },
  );
  const restore = toTokens && engine.compile(toTokens, { name: 'diffusion.tokens', axes: ['N .'] });
  const rows = (x: Float32Array): Tensor2D => tensorFrom(x, [x.length / channels, channels]) as Tensor2D;
  return {
    sample: async (hidden, context) => {
      const { chain, time } = await chains.of(context.options, context.step);
      const condition_NW = await embed(hidden.values_RlD);
      const predict = async (x: Float32Array, step: number): Promise<Float32Array> => {
        const x_NC = rows(x);
        const own = time(step);
        const time_1W = tensorFrom(own, [1, own.length]) as Tensor2D;
        try {
          return await takeNumbers(await denoise(x_NC, condition_NW, time_1W));
        } finally {
          tf.dispose([x_NC, time_1W]);
        }
      };
      try {
        const unit = await runChain({ chain, channels, hidden, predict }, context);
        return restore ? await through(restore, rows(unit)) : unit;
      } finally {
        condition_NW.dispose();
      }
    },
    dispose: () => {
      for (const program of [chains, embed, denoise, restore]) program?.dispose();
    },
  };
}

interface Run {
  readonly chain: Chain;
  readonly channels: number;
  readonly hidden: Hidden;
  /** What the denoiser makes of [N, C] tokens at a step: [N, 2C]. */
  readonly predict: (x: Float32Array, step: number) => Promise<Float32Array>;
}

/**
 * From noise to tokens, step by step. A token's numbers are drawn once, by one key: first its first noise, then the noise
 * of each step but the last.
 */
async function runChain(run: Run, context: SampleContext<DiffusionOptions>): Promise<Float32Array> {
  const { chain, channels, hidden, predict } = run;
  const { weight, options, signal } = context;
  const stride = chain.steps * channels;
  const data = noisePerToken(hidden.positions_Bl, { stream: 'diffusion', count: stride }, context);
  const count = hidden.positions_Bl.length;
  const x = new Float32Array(count * channels);
  for (let token = 0; token < count; token++) {
    x.set(data.subarray(token * stride, token * stride + channels), token * channels);
  }
  const tokens = count / context.rows.length;
  const shape = { kind: 'noise', tokens, stride: 2 * channels, width: channels, groups: [channels] } as const;
  const mixture = openMixture({ ...shape, guided: hidden.guided }, context);
  for (let step = chain.steps - 1; step >= 0; step--) {
    await cancelPoint(signal);
    const denoised = await predict(hidden.guided ? doubled(x) : x.slice(), step);
    const noise = { data, stride, offset: (chain.steps - step) * channels };
    const mixed = mixture(denoised, { state: x, keep: chain.clean.keep[step]!, factor: -chain.clean.remove[step]! });
    takeStep({ chain, step, x, denoised, channels, weight, mixed, temperature: options.temperature, noise });
  }
  checkFinite(x, options);
  return x;
}

/** One step of the chain for n tokens of C channels. */
interface ChainStep {
  readonly chain: Chain;
  readonly step: number;
  /** [n, C], overwritten by the next tokens. */
  readonly x: Float32Array;
  /** What the denoiser gave, [n, 2C]; guided: [2n, 2C], rows with the condition first. */
  readonly denoised: Float32Array;
  readonly channels: number;
  /** Guidance weight w of `u + w (c - u)`; without meaning where rows are not doubled. */
  readonly weight: number;
  /** The mixed noise by its place in `denoised`, where it is not mixed by `weight`. */
  readonly mixed?: (i: number) => number;
  readonly temperature: number;
  /** Standard normal numbers: those of token i start at `i * stride + offset`. The last step (0) reads none. */
  readonly noise: { readonly data: Float32Array; readonly stride: number; readonly offset: number };
}

/**
 * x_t to x_(t-1): x = mean + temperature sigma noise (MAR, equation 2, and "Sampler" in section 3.2 for the temperature).
 * Guidance mixes the predicted noise alone (appendix B, "Classifier-free guidance"); the variance is that of the rows
 * with the condition.
 */
export function takeStep(given: ChainStep): void {
  const { chain, step, x, denoised, channels, weight, temperature, noise } = given;
  const [keep, remove] = [chain.keep[step]!, chain.remove[step]!];
  const [base, range] = [chain.base[step]!, chain.range[step]!];
  const { mixed = guidedNumber(denoised, { guided: denoised.length > 2 * x.length, weight }) } = given;
  for (let token = 0; token * channels < x.length; token++) {
    for (let c = 0; c < channels; c++) {
      const at = token * channels + c;
      const predicted = 2 * token * channels + c;
      const mean = keep * x[at]! - remove * mixed(predicted);
      if (step === 0) {
        x[at] = mean;
        continue;
      }
      const deviation = Math.exp(0.5 * (base + 0.5 * (denoised[predicted + channels]! + 1) * range));
      x[at] = mean + temperature * deviation * noise.data[token * noise.stride + noise.offset + c]!;
    }
  }
}

interface TimedChain {
  readonly chain: Chain;
  /** The embedded timestep of a step of the chain, W numbers. */
  time(step: number): Float32Array;
}

interface TimedChains {
  /** The chain of a step of the order: the whole one of the request, or part of its timesteps where the step comes late. */
  of(options: DiffusionOptions, step: Pick<Step, 'index' | 'of'>): Promise<TimedChain>;
  dispose(): void;
}

interface EmbeddedTimes {
  readonly respacing: string;
  /** What the embedding was computed from. */
  readonly ids: readonly object[];
  readonly timesteps: Int32Array;
  /** Row-major. */
  readonly time_TW: Float32Array;
}

/** Timesteps are embedded once for the longest chain of a request; the newest one is kept. Shorter chains take rows of it. */
function openTimedChains(engine: Engine, denoiser: Denoiser): TimedChains {
  const program = engine.compile((features: Tensor2D) => denoiser.embedTime(features), {
    name: 'diffusion.time',
    axes: ['T .'],
  });
  let newest: EmbeddedTimes | null = null;
  const embed = async (respacing: string): Promise<EmbeddedTimes> => {
    // Training gives its variables new numbers, and these new ids.
    const ids = denoiser.timeParams.map(({ dataId }) => dataId);
    if (newest?.respacing === respacing && newest.ids.every((id, i) => id === ids[i])) return newest;
    const timesteps = keptTimesteps(respacing);
    const features = tensorFrom(timestepFeatures(timesteps), [timesteps.length, TIMESTEP_FEATURES]) as Tensor2D;
    const time_TW = await through(program, features);
    return (newest = { respacing, ids, timesteps, time_TW });
  };
  return {
    of: async ({ respacing, lateSteps }, step) => {
      const { timesteps, time_TW } = await embed(respacing);
      const steps = timesteps.length;
      const places = evenPlaces(steps, annealedSteps({ steps, lateSteps }, step));
      const width = time_TW.length / steps;
      return {
        chain: openChain(places.map((place) => timesteps[place]!)),
        time: (own) => time_TW.subarray(places[own]! * width, (places[own]! + 1) * width),
      };
    },
    dispose: () => program.dispose(),
  };
}

/** The numbers that a program makes of a tensor, which is disposed. */
async function through(program: Program<[Tensor2D], Tensor2D>, input: Tensor2D): Promise<Float32Array> {
  try {
    return await takeNumbers(await program(input));
  } finally {
    input.dispose();
  }
}

function checkFinite(x: Float32Array, { respacing, temperature }: DiffusionOptions): void {
  if (x.every(Number.isFinite)) return;
  throw new TesseraError({
    code: 'tokens-not-finite',
    who: 'diffusion',
    got: `tokens that are not finite after the chain ${respacing} at temperature ${temperature}`,
    expected: 'numbers',
    next: 'Lower guidance or temperature; if that does not help, the weights are broken or hardly trained.',
  });
}
