import * as tf from '@tensorflow/tfjs';
import type { Scalar, Tensor, Tensor4D } from '@tensorflow/tfjs';
import type { Engine } from '@tessera/engine';
import {
  clampMoments,
  decodeLatent,
  encodeMoments,
  klDivergence,
  type KlVae,
  latentOf,
  openKlVae,
} from '@tessera/tokenizer-continuous';
import { type CaseFile, readWeights, tensorOf } from '../case-file.ts';
import { imageTensor, rows, toChannelsFirst } from '../case-tensors.ts';
import { CaseWeights } from '../case-weights.ts';
import type { Checks, CaseRunner } from '../comparison.ts';
import { klConfigOf } from '../mar-case.ts';
import { convStack, loss as lossTolerance } from '../tolerance.ts';
import { checkGradients, gradientsOf } from '../training-cases.ts';
import { configOf, weightFileOf } from '../var-case.ts';

interface Run {
  readonly file: CaseFile;
  readonly checks: Checks;
  readonly engine: Engine;
  readonly model: KlVae;
  readonly weights: CaseWeights;
}

const BETAS = [0.9, 0.95] as const;

/** The KL-VAE: every layer, moments and what follows from them, pictures, and gradients of a training loss. */
export const klvaeRunner: CaseRunner = {
  kind: 'klvae',
  async run(file, { checks, engine }) {
    const weights = new CaseWeights(await readWeights(file, weightFileOf(file, 'weights')), { train: true });
    const model = openKlVae(klConfigOf(configOf(file), file.name), weights);
    const run = { file, checks, engine, model, weights };
    await checkOutputs(run);
    await checkTraining(run);
    weights.dispose();
  },
};

async function checkOutputs({ file, checks, engine, model }: Run): Promise<void> {
  const program = engine.compile(
    (image: Tensor4D, noise: Tensor4D, latent: Tensor4D, big: Tensor4D) => ({
      ...encoded(model, image, noise),
      ...decoded(model, latent),
      'big.logvar_clamped': halves(clampMoments(big))[1],
    }),
    { name: 'parity.klvae' },
  );
  const given = ['in.img', 'rand.eps', 'in.z', 'in.moments_big'].map((name) => imageTensor(tensorOf(file, name)));
  const outputs = await program(...(given as [Tensor4D, Tensor4D, Tensor4D, Tensor4D]));
  for (const [path, output] of Object.entries(outputs)) {
    const name = `out.${path}`;
    const data = await output.data<'float32'>();
    const read = output.rank === 4 ? toChannelsFirst({ data, shape: output.shape }) : { data, shape: output.shape };
    // Layers are recorded of the first picture alone.
    if (checks.has(name)) checks.check(name, rows(read, 0, tensorOf(file, name).shape[0]!), toleranceOf(output));
  }
  tf.dispose([...given, ...Object.values(outputs)]);
  program.dispose();
}

/** Sums over a picture are compared relatively. */
function toleranceOf({ rank }: Tensor) {
  return rank === 1 ? { absolute: 0, relative: 1e-5 } : convStack;
}

function encoded(model: KlVae, image: Tensor4D, noise: Tensor4D): Record<string, Tensor> {
  const outputs: Record<string, Tensor> = {};
  const moments = encodeMoments(model, image, (path, output) => {
    outputs[path] = output;
  });
  const [mean, logVariance] = halves(moments);
  const sample = latentOf(moments, noise);
  // A latent of mean zero by noise of one is the deviation.
  const std = latentOf(tf.concat([tf.zerosLike(mean), logVariance], 3), tf.onesLike(mean));
  const distance = tf.div(tf.square(tf.sub(sample, mean)), tf.square(std));
  const nll = tf.mul(tf.sum(tf.add(tf.add(logVariance, Math.log(2 * Math.PI)), distance), [1, 2, 3]), 0.5);
  return {
    ...outputs,
    enc: outputs['encoder.conv_out']!,
    moments: outputs['quant_conv']!,
    mean,
    logvar_clamped: logVariance,
    std,
    sample,
    kl: klDivergence(moments),
    nll_of_sample: nll,
    rec: decodeLatent(model, sample),
  };
}

function decoded(model: KlVae, latent: Tensor4D): Record<string, Tensor> {
  const outputs: Record<string, Tensor> = {};
  outputs['dec'] = decodeLatent(model, latent, (path, output) => {
    outputs[path] = output;
  });
  return outputs;
}

/** Gradients of `MSE(reconstruction, image) + share * mean(KL)`; the share is in the note. */
async function checkTraining({ file, checks, engine, model, weights }: Run): Promise<void> {
  const share = Number(/([\d.e+-]+)\*mean\(kl\)/.exec(file.metadata.get('note') ?? '')?.[1] ?? 1e-3);
  const step = engine.compileTrainStep({
    name: 'parity.klvae-train',
    params: weights.params,
    loss: ({ image, noise }) => {
      const moments = encodeMoments(model, image as Tensor4D);
      const rec = decodeLatent(model, latentOf(moments, noise as Tensor4D));
      const error = tf.mean(tf.squaredDifference(rec, image as Tensor4D));
      return { loss: tf.add(error, tf.mul(tf.mean(klDivergence(moments)), share)) as Scalar };
    },
    betas: BETAS,
    eps: 1e-8,
    clip: null,
    ema: false,
  });
  const batch = { image: imageTensor(tensorOf(file, 'in.img')), noise: imageTensor(tensorOf(file, 'rand.eps')) };
  const gradients = await gradientsOf(step, batch, BETAS[0]);
  checks.checkNumber('out.train_loss', gradients.loss, lossTolerance);
  checkGradients({ file, checks }, gradients, 'conv');
  tf.dispose(batch);
  step.dispose();
}

function halves(moments: Tensor4D): [Tensor4D, Tensor4D] {
  return tf.split(moments, 2, 3) as [Tensor4D, Tensor4D];
}
