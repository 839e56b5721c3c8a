import * as tf from '@tensorflow/tfjs';
import type { Tensor1D, Tensor2D, Tensor3D } from '@tensorflow/tfjs';
import { nn, type TraceRng } from '@tessera/engine';
import type { Denoiser } from './denoiser.ts';
import { diffusionTables, keptTimesteps, TRAINED_STEPS } from './schedule.ts';

/** What the loss computes with. */
export interface LossParts {
  readonly denoiser: Denoiser;
  /** Brings tokens to unit scale; null where they have it. */
  readonly toUnit: ((values_NC: Tensor2D) => Tensor2D) | null;
  /** Of every timestep, [1000, 256]. */
  readonly features: Tensor2D;
  /** M, timesteps per token. */
  readonly repeats: number;
}

/** Hidden states and the tokens to predict from them. */
interface TokenTargets {
  readonly values_BlD: Tensor3D;
  readonly values_BlC: Tensor3D;
}

/**
 * The diffusion loss of each token, [B, l] (MAR, arXiv 2406.11838, equation 1, with the variational bound): its mean over
 * `repeats` timesteps. All of them go through the denoiser at once, [M B l] rows; hidden states are embedded once, and
 * timesteps too where there are more rows than timesteps. Traceable.
 */
export function tokenLoss(parts: LossParts, { values_BlD, values_BlC }: TokenTargets, rng: TraceRng): Tensor2D {
  const { denoiser, toUnit, features, repeats: M } = parts;
  const [B, l, C] = values_BlC.shape;
  const [tokens, rows] = [B * l, M * B * l];
  const drawn = tf.floor(tf.mul(rng.uniform('timestep', [M, B, l]), TRAINED_STEPS));
  const timestep_N = tf.reshape(tf.cast(drawn, 'int32'), [rows]) as Tensor1D;
  const noise_NC = tf.reshape(rng.normal('diffusion-noise', [M, B, l, C]), [rows, C]) as Tensor2D;
  const values_tC = tf.reshape(values_BlC, [tokens, C]) as Tensor2D;
  const clean_NC = tf.tile(toUnit ? toUnit(values_tC) : values_tC, [M, 1]);
  const condition_tW = denoiser.embedCondition(tf.reshape(values_BlD, [tokens, -1]) as Tensor2D);
  const time_NW = (
    rows > TRAINED_STEPS
      ? tf.gather(denoiser.embedTime(features), timestep_N)
      : denoiser.embedTime(tf.gather(features, timestep_N))
  ) as Tensor2D;
  const condition = tf.add(tf.reshape(time_NW, [M, tokens, -1]), tf.expandDims(condition_tW, 0));
  const condition_NW = tf.reshape(condition, time_NW.shape) as Tensor2D;
  const noised_NC = addNoise({ clean_NC, noise_NC, timestep_N });
  const denoised_N2C = denoiser.denoise(noised_NC, condition_NW);
  const { mse_N, vb_N } = diffusionLosses({ clean_NC, noise_NC, timestep_N, denoised_N2C });
  return tf.mean(tf.reshape(tf.add(mse_N, vb_N), [M, B, l]), 0) as Tensor2D;
}

/** What a denoiser was given and what it made of it, N rows. */
interface DenoisedRows {
  /** Clean tokens [N, C]. */
  readonly clean_NC: Tensor2D;
  readonly noise_NC: Tensor2D;
  /** Timestep of each row, int32 [N]. */
  readonly timestep_N: Tensor1D;
  /** [N, 2C]. */
  readonly denoised_N2C: Tensor2D;
}

interface DiffusionLosses {
  /** Mean squared error of the noise. */
  readonly mse_N: Tensor1D;
  /** Variational bound in bits per channel; no gradient flows into the noise. */
  readonly vb_N: Tensor1D;
}

/** Clean tokens with the noise of their timestep, sqrt(abar) clean + sqrt(1 - abar) noise (Ho et al. 2020, equation 4). Traceable. */
export function addNoise({ clean_NC, noise_NC, timestep_N }: Omit<DenoisedRows, 'denoised_N2C'>): Tensor2D {
  const [signal_N1, spread_N1] = lookUp(timestep_N);
  return tf.add(tf.mul(clean_NC, signal_N1!), tf.mul(noise_NC, spread_N1!));
}

/**
 * The hybrid loss of Nichol & Dhariwal 2021 (arXiv 2102.09672, equations 15 and 16) as MAR uses it: the squared error of
 * the noise, and the variational bound, through which only the variance learns. Both terms per row, not rescaled; MAR
 * minimises their sum. Traceable.
 */
export function diffusionLosses({ clean_NC, noise_NC, timestep_N, denoised_N2C }: DenoisedRows): DiffusionLosses {
  const [predicted_NC, place_NC] = tf.split(denoised_N2C, 2, 1) as [Tensor2D, Tensor2D];
  const [, , range_N1, pull_N1] = lookUp(timestep_N);
  const error_NC = tf.sub(predicted_NC, noise_NC);
  const fixed_NC = nn.withoutGradient(() => tf.sub<Tensor2D>(predicted_NC, noise_NC));
  const above_NC = tf.mul<Tensor2D>(tf.mul(tf.add(place_NC, 1), 0.5), range_N1!); // log variance above the posterior's
  const divergence_NC = tf.mul(
    tf.sub(tf.add(above_NC, tf.mul(tf.exp(tf.neg(above_NC)), tf.add(tf.mul(tf.square(fixed_NC), pull_N1!), 1))), 1),
    0.5,
  );
  const isFirst_N1 = tf.reshape(tf.equal(timestep_N, tf.scalar(0, 'int32')), [-1, 1]);
  const first_NC = firstStep({ clean_NC, error_NC: fixed_NC, above_NC });
  const nats_NC = tf.where(isFirst_N1, first_NC, divergence_NC);
  return {
    mse_N: tf.mean(tf.square(error_NC), 1) as Tensor1D,
    vb_N: tf.mul(tf.mean(nats_NC, 1), 1 / Math.LN2) as Tensor1D,
  };
}

/** Half the width of the bins of the first step's likelihood: as if tokens were 8-bit numbers in [-1, 1]. */
const HALF_BIN = 1 / 255;
/** Beyond this a bin has no outer edge. */
const OUTERMOST = 0.999;
const LEAST_PROBABILITY = 1e-12;

interface FirstStep {
  readonly clean_NC: Tensor2D;
  readonly error_NC: Tensor2D;
  readonly above_NC: Tensor2D;
}

/**
 * Negative log-likelihood, in nats, of the clean tokens' bins under the normal distribution of the first step (Ho et al.
 * 2020, equation 13).
 */
function firstStep({ clean_NC, error_NC, above_NC }: FirstStep): Tensor2D {
  const { firstLogVariance, firstMeanFactor } = lossTables();
  const centred_NC = tf.mul(error_NC, firstMeanFactor);
  const inverse_NC = tf.exp(tf.mul(tf.add(above_NC, firstLogVariance), -0.5));
  const upper_NC = normalCdf(tf.mul(inverse_NC, tf.add(centred_NC, HALF_BIN)));
  const lower_NC = normalCdf(tf.mul(inverse_NC, tf.sub(centred_NC, HALF_BIN)));
  const inside_NC = tf.sub(upper_NC, lower_NC);
  const above = tf.where(tf.greater(clean_NC, OUTERMOST), tf.sub(1, lower_NC), inside_NC);
  const mass_NC = tf.where(tf.less(clean_NC, -OUTERMOST), upper_NC, above);
  return tf.neg(tf.log(tf.maximum(mass_NC, LEAST_PROBABILITY)));
}

/** The cumulative distribution of the standard normal, by tanh. */
function normalCdf(x: Tensor2D): Tensor2D {
  const cubed = tf.mul(tf.mul(tf.square(x), x), 0.044715);
  return tf.mul(tf.add(tf.tanh(tf.mul(tf.add(x, cubed), Math.sqrt(2 / Math.PI))), 1), 0.5);
}

/** Constants of the trained chain. */
interface LossTables {
  /** By timestep: sqrt(abar), sqrt(1 - abar), log beta - log posterior variance, and `pull`. */
  readonly byTimestep: Float32Array;
  /** Of the first step alone: log posterior variance, and the factor of the noise's error in the mean. */
  readonly firstLogVariance: number;
  readonly firstMeanFactor: number;
}

const COLUMNS = 4;

/**
 * Terms of the bound are written by the error of the noise, e: means differ by f e, where f = coef1 sqrt(1/abar - 1).
 * `pull` is f^2 over the posterior's variance. So no large numbers cancel, although 1/sqrt(abar) reaches 2e4.
 */
function makeTables(): LossTables {
  const tables = diffusionTables(keptTimesteps(''));
  const factor = (step: number): number => tables.posteriorMeanCoef1[step]! * tables.sqrtRecipm1AlphasCumprod[step]!;
  const byTimestep = new Float32Array(TRAINED_STEPS * COLUMNS);
  for (let step = 0; step < TRAINED_STEPS; step++) {
    const logVariance = tables.posteriorLogVarianceClipped[step]!;
    const range = Math.log(tables.betas[step]!) - logVariance;
    const pull = factor(step) ** 2 * Math.exp(-logVariance);
    const { sqrtAlphasCumprod, sqrtOneMinusAlphasCumprod } = tables;
    byTimestep.set([sqrtAlphasCumprod[step]!, sqrtOneMinusAlphasCumprod[step]!, range, pull], step * COLUMNS);
  }
  return { byTimestep, firstLogVariance: tables.posteriorLogVarianceClipped[0]!, firstMeanFactor: factor(0) };
}

let made: LossTables | null = null;
const lossTables = (): LossTables => (made ??= makeTables());

/** The columns of `byTimestep` at each row's timestep, [N, 1] each. */
function lookUp(timestep_N: Tensor1D): Tensor2D[] {
  const table = tf.tensor2d(lossTables().byTimestep, [TRAINED_STEPS, COLUMNS]);
  return tf.split(tf.gather(table, timestep_N), COLUMNS, 1);
}
