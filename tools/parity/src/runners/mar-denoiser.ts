import * as tf from '@tensorflow/tfjs';
import type { Scalar, Tensor, Tensor1D, Tensor2D } from '@tensorflow/tfjs';
import type { Engine, Param } from '@tessera/engine';
import {
  addNoise,
  type Denoiser,
  diffusionHead,
  diffusionLosses,
  openDenoiser,
  timestepFeatures,
} from '@tessera/head-diffusion';
import { type CaseFile, readWeights, tensorOf } from '../case-file.ts';
import { floatTensor, indexTensor, rows, type Computed } from '../case-tensors.ts';
import { CaseWeights } from '../case-weights.ts';
import type { Checks, CaseRunner } from '../comparison.ts';
import { diffusionConfigOf, marSizes, type MarSizes, maskedWidths } from '../mar-case.ts';
import { bound, boundedLoss, linearStack, rowLoss } from '../tolerance.ts';
import { checkGradients, gradientsOf } from '../training-cases.ts';
import { configOf, weightFileOf } from '../var-case.ts';

interface Run {
  readonly file: CaseFile;
  readonly checks: Checks;
  readonly engine: Engine;
  readonly net: CaseDenoiser;
}

const PREFIX = 'diffloss.net.';
const BETAS = [0.9, 0.95] as const;

/** The denoiser alone: what it says, guided and not, its loss per row, and gradients of the mean loss. */
export const marNetRunner: CaseRunner = {
  kind: 'mar.net',
  async run(file, { checks, engine }) {
    const net = await openCaseDenoiser(file, { train: true });
    const run = { file, checks, engine, net };
    await checkOutputs(run);
    await checkLoss(run);
    net.weights.dispose();
  },
};

async function checkOutputs({ file, checks, engine, net }: Run): Promise<void> {
  const { channels } = net.sizes;
  const timesteps = tensorOf(file, 'in.t').data;
  const noised = tensorOf(file, 'in.x');
  const hidden = tensorOf(file, 'in.z');
  const features = timestepFeatures(timesteps);
  const shape = [timesteps.length, features.length / timesteps.length];
  checks.check('out.t_freq', { data: features, shape }, linearStack);
  const time = engine.compile((given: Tensor2D) => net.denoiser.embedTime(given), { name: 'parity.time' });
  const given = floatTensor<Tensor2D>({ data: features, shape });
  await checks.checkTensor('out.t_emb', await time(given), { tolerance: linearStack });
  given.dispose();
  time.dispose();
  const { denoise, dispose } = compileDenoise(net, engine);
  const output = (data: Float32Array) => ({ data, shape: [timesteps.length, 2 * channels] });
  checks.check('out.net', output(await denoise({ noised, timesteps, hidden })), linearStack);
  // The second half of the rows is the same tokens without their condition.
  const half = rows(noised, 0, timesteps.length / 2).data;
  const both = { data: [...half, ...half], shape: noised.shape };
  const halves = await denoise({ noised: both, timesteps, hidden });
  for (const name of file.tensors.keys()) {
    const weight = /^out\.net_cfg(.+)$/.exec(name)?.[1];
    if (weight === undefined) continue;
    checks.check(name, output(guideHalves(halves, { channels, weight: Number(weight) })), linearStack);
  }
  dispose();
}

async function checkLoss({ file, checks, engine, net }: Run): Promise<void> {
  const given = floatTensor(tensorOf(file, 'in.z'));
  const hidden: Param = { name: 'z', variable: tf.variable(given), decay: false };
  const step = engine.compileTrainStep({
    name: 'parity.denoiser',
    params: [...net.weights.params, hidden],
    loss: (batch) => lossOf(net, { ...batch, hidden_ND: hidden.variable }),
    betas: BETAS,
    eps: 1e-8,
    clip: null,
    ema: false,
  });
  const timesteps = tensorOf(file, 'in.t');
  const batch = {
    clean_NC: floatTensor(tensorOf(file, 'in.x_start')),
    noise_NC: floatTensor(tensorOf(file, 'in.noise')),
    timestep_N: indexTensor(timesteps),
    features_NF: floatTensor({ data: timestepFeatures(timesteps.data), shape: tensorOf(file, 'out.t_freq').shape }),
  };
  const { aux, gradientOf } = await gradientsOf(step, batch, BETAS[0]);
  checks.check('out.x_t', { data: aux['x_t']!, shape: tensorOf(file, 'out.x_t').shape }, linearStack);
  const vb = tensorOf(file, 'out.vb').data;
  const tolerances = {
    mse: rowLoss,
    vb: (row: number) => bound(timesteps.data[row]!),
    loss: (row: number) => boundedLoss(timesteps.data[row]!, vb[row]!),
  };
  for (const [name, tolerance] of Object.entries(tolerances)) {
    checks.check(`out.${name}`, { data: aux[name]!, shape: timesteps.shape }, tolerance);
  }
  const named = (name: string): Computed => gradientOf(name === 'z' ? name : PREFIX + name);
  checkGradients({ file, checks }, { gradientOf: named }, 'bound');
  step.dispose();
  tf.dispose([given, hidden.variable, ...Object.values(batch)]);
}

/** The mean over rows of both terms of the loss. */
function lossOf({ denoiser }: CaseDenoiser, batch: Readonly<Record<string, Tensor>>) {
  const clean_NC = batch['clean_NC'] as Tensor2D;
  const noise_NC = batch['noise_NC'] as Tensor2D;
  const timestep_N = batch['timestep_N'] as Tensor1D;
  const mood_NW = tf.add(
    denoiser.embedTime(batch['features_NF'] as Tensor2D),
    denoiser.embedCondition(batch['hidden_ND'] as Tensor2D),
  ) as Tensor2D;
  const noised_NC = addNoise({ clean_NC, noise_NC, timestep_N });
  const denoised_N2C = denoiser.denoise(noised_NC, mood_NW);
  const { mse_N, vb_N } = diffusionLosses({ clean_NC, noise_NC, timestep_N, denoised_N2C });
  const loss_N = tf.add(mse_N, vb_N);
  return { loss: tf.mean(loss_N) as Scalar, aux: { x_t: noised_NC, mse: mse_N, vb: vb_N, loss: loss_N } };
}

/** The denoiser of a case, alone. */
export interface CaseDenoiser {
  readonly sizes: MarSizes;
  /** Width of the hidden states. */
  readonly condition: number;
  readonly weights: CaseWeights;
  readonly denoiser: Denoiser;
}

export async function openCaseDenoiser(file: CaseFile, { train = false } = {}): Promise<CaseDenoiser> {
  const config = configOf(file);
  const sizes = marSizes(config, file.name);
  const { blocks, width } = diffusionHead.config.parse(diffusionConfigOf(config, file.name), file.name);
  const condition = maskedWidths(config, file.name).decoder;
  const weights = new CaseWeights(await readWeights(file, weightFileOf(file, 'weights')), { train });
  const denoiser = openDenoiser({ blocks, width, channels: sizes.channels, condition }, weights);
  return { sizes, condition, weights, denoiser };
}

/** Noised tokens [N, C], timesteps of the trained chain [N] and hidden states [N, D] -> [N, 2C]. */
export type Denoise = (given: {
  readonly noised: Computed;
  readonly timesteps: ArrayLike<number>;
  readonly hidden: Computed;
}) => Promise<Float32Array>;

export function compileDenoise({ denoiser }: CaseDenoiser, engine: Engine): { denoise: Denoise; dispose(): void } {
  const program = engine.compile(
    (noised_NC: Tensor2D, features_NF: Tensor2D, hidden_ND: Tensor2D) =>
      denoiser.denoise(noised_NC, tf.add(denoiser.embedTime(features_NF), denoiser.embedCondition(hidden_ND))),
    { name: 'parity.denoise', axes: ['N .', 'N .', 'N .'] },
  );
  return {
    async denoise({ noised, timesteps, hidden }) {
      const features = timestepFeatures(timesteps);
      const rows = timesteps.length;
      const given = [noised, { data: features, shape: [rows, features.length / rows] }, hidden] as const;
      const tensors = given.map((value) => floatTensor<Tensor2D>(value)) as [Tensor2D, Tensor2D, Tensor2D];
      const denoised = await program(...tensors);
      const data = await denoised.data<'float32'>();
      tf.dispose([...tensors, denoised]);
      return data;
    },
    dispose: () => program.dispose(),
  };
}

/**
 * What guidance makes of both halves, [2n, 2C]: the noise is mixed and the same for both, the variance stays each row's
 * own. The noised tokens of the first half must have served for both.
 */
export function guideHalves(denoised: Float32Array, { channels, weight }: { channels: number; weight: number }) {
  const half = denoised.length / 2;
  return denoised.map((value, i) => {
    if (i % (2 * channels) >= channels) return value;
    const [conditional, other] = [denoised[i % half]!, denoised[half + (i % half)]!];
    return other + weight * (conditional - other);
  });
}
