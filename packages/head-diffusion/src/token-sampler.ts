import { setImmediate as nextTurn } from 'node:timers/promises';
import * as tf from '@tensorflow/tfjs';
import type { Tensor2D, Tensor3D } from '@tensorflow/tfjs';
import type { Hidden, SampleContext } from '@tessera/core';
import { tensorFrom, type Engine, type Program } from '@tessera/engine';
import { TesseraError } from '@tessera/errors';
import { takeStep, type Chain } from './chain.ts';
import type { DiffusionOptions } from './config.ts';
import type { Denoiser } from './denoiser.ts';
import { takeNumbers } from './take-numbers.ts';
import { openTimedChains } from './timed-chains.ts';
import type { TokenScale } from './token-scale.ts';

/** What kind of numbers tokens are. */
export interface TokenKind {
  readonly channels: number;
  readonly scale: TokenScale | null;
}

export interface TokenSampler {
  /** Runs a whole chain for a set of tokens: [B, l, C] row-major. @throws the signal's reason; `tokens-not-finite` */
  sample(hidden: Hidden, context: SampleContext<DiffusionOptions>): Promise<Float32Array>;
  dispose(): void;
}

/**
 * Programs for any number of rows. Conditions are embedded once per set, timesteps once per chain; a denoising step is
 * one call whose results, 2C numbers a row, are read back: what follows is too little to be worth a program, and guided
 * and unguided sets share one.
 */
export function openSampler(engine: Engine, denoiser: Denoiser, { channels, scale }: TokenKind): TokenSampler {
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
  const restore = scale && engine.compile(scale.toTokens, { name: 'diffusion.tokens', axes: ['N .'] });
  const rows = (x: Float32Array): Tensor2D => tensorFrom(x, [x.length / channels, channels]) as Tensor2D;
  return {
    sample: async (hidden, context) => {
      const { chain, time } = await chains.of(context.options, context.step);
      const condition_NW = await embed(hidden.values_RlD);
      const ask = async (x: Float32Array, step: number): Promise<Float32Array> => {
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
        const unit = await runChain({ chain, channels, hidden, ask }, context);
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
  /** The denoiser's word on [N, C] tokens at a step. */
  readonly ask: (x: Float32Array, step: number) => Promise<Float32Array>;
}

async function runChain(run: Run, context: SampleContext<DiffusionOptions>): Promise<Float32Array> {
  const { chain, channels, hidden, ask } = run;
  const { weight, options, signal } = context;
  const stride = chain.steps * channels;
  const data = drawNoise(hidden, stride, context);
  const count = hidden.positions_Bl.length;
  const x = new Float32Array(count * channels);
  for (let token = 0; token < count; token++) {
    x.set(data.subarray(token * stride, token * stride + channels), token * channels);
  }
  for (let step = chain.steps - 1; step >= 0; step--) {
    await nextTurn(); // a cancel arrives here, whatever the runtime blocks
    signal.throwIfAborted();
    const denoised = await ask(hidden.guided ? twice(x) : x.slice(), step);
    const noise = { data, stride, offset: (chain.steps - step) * channels };
    const guidance = hidden.guided ? weight : 1;
    takeStep({ chain, step, x, denoised, channels, weight: guidance, temperature: options.temperature, noise });
  }
  checkFinite(x, options);
  return x;
}

/** All numbers of a token by one key: first those of the first noise, then those of each step but the last. */
function drawNoise({ positions_Bl }: Hidden, perToken: number, context: SampleContext<DiffusionOptions>): Float32Array {
  const { rows, rng, step } = context;
  const perRow = positions_Bl.length / rows.length;
  const out = new Float32Array(positions_Bl.length * perToken);
  for (const [token, position] of positions_Bl.entries()) {
    const key = { row: Math.floor(token / perRow), stream: 'diffusion', step: step.index, position };
    out.set(rng.normal(key, perToken), token * perToken);
  }
  return out;
}

/** Disposes its argument. */
async function through(program: Program<[Tensor2D], Tensor2D>, x_NC: Tensor2D): Promise<Float32Array> {
  try {
    return await takeNumbers(await program(x_NC));
  } finally {
    x_NC.dispose();
  }
}

function twice(x: Float32Array): Float32Array {
  const out = new Float32Array(2 * x.length);
  out.set(x);
  out.set(x, x.length);
  return out;
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
