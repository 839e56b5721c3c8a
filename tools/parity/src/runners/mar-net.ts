import * as tf from '@tensorflow/tfjs';
import type { Scalar, Tensor, Tensor1D, Tensor2D } from '@tensorflow/tfjs';
import type { Engine, Param } from '@tessera/engine';
import { addNoise, diffusionLosses, timestepFeatures } from '@tessera/head-diffusion';
import { rows } from '../axes.ts';
import { compileDenoise, guideHalves, openCaseDenoiser, type CaseDenoiser } from '../case-denoiser.ts';
import { tensorOf, type CaseFile } from '../case-file.ts';
import type { CaseRunner } from '../case-runner.ts';
import type { Checks } from '../checks.ts';
import type { Computed } from '../comparison.ts';
import { checkGradients, gradientsOf } from '../gradients.ts';
import { floatTensor, indexTensor } from '../tensors.ts';
import { bound, boundedLoss, linearStack, rowLoss } from '../tolerance.ts';

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
