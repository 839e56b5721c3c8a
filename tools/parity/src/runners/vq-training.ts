import * as tf from '@tensorflow/tfjs';
import type { Scalar, Tensor, Tensor4D } from '@tensorflow/tfjs';
import type { Engine } from '@tessera/engine';
import {
  type CodeUsage,
  learnToQuantize,
  openVqVae,
  reconstruct,
  recordHits,
  USAGE_BUFFER,
  usageMargin,
  usagePercent,
  type VqConfig,
} from '@tessera/tokenizer-vq';
import { type CaseFile, type CaseTensor, readWeights, seriesOf, tensorOf } from '../case-file.ts';
import { floatTensor, imageTensor, toChannelsFirst } from '../case-tensors.ts';
import { weightsFrom } from '../case-weights.ts';
import type { Checks, CaseRunner } from '../comparison.ts';
import { convStack, gradient, linearStack, loss as lossTolerance } from '../tolerance.ts';
import { configOf, vqConfigOf, weightFileOf } from '../var-case.ts';

interface Parts {
  readonly file: CaseFile;
  readonly checks: Checks;
  readonly engine: Engine;
  readonly config: VqConfig;
  /** Trained parameters by official name. */
  readonly params: Readonly<Record<string, Tensor>>;
}

/** The quantiser's training forward over several calls, then the whole network's, with gradients. */
export const vqvaeTrainRunner: CaseRunner = {
  kind: 'vqvae.train',
  async run(file, { checks, engine }) {
    const weights = await readWeights(file, weightFileOf(file, 'weights'));
    const usage = weights.get(USAGE_BUFFER)!;
    const params = Object.fromEntries(
      [...weights].filter(([name]) => name !== USAGE_BUFFER).map(([name, tensor]) => [name, floatTensor(tensor)]),
    );
    const parts = { file, checks, engine, config: vqConfigOf(configOf(file), file.name), params };
    await checkCalls(parts, usage);
    if (checks.has('out.total_loss')) await checkWhole(parts);
    tf.dispose(params);
  },
};

async function checkCalls({ file, checks, engine, config, params }: Parts, initial: CaseTensor): Promise<void> {
  const scales = config.patch_nums.length;
  const weight_BHWC = imageTensor(tensorOf(file, 'in.W_fhat'));
  const quantizerOnly = pick(params, (name) => name.startsWith('quantize.'));
  const program = engine.compile(quantizerStep(config, params), { name: 'parity.quantizer-train' });
  let usage: CodeUsage = { ema_SV: Float32Array.from(initial.data), recorded: 0 };
  for (const [k, features] of seriesOf(file, 'in.f').entries()) {
    const features_BHWC = imageTensor(features);
    const { map_BHWC, vqLoss, hits_SV, gradients } = await program(features_BHWC, weight_BHWC, quantizerOnly);
    await checks.checkTensor(`out.f_hat.${k}`, map_BHWC, { tolerance: convStack, channelsFirst: true });
    await checks.checkTensor(`out.vq_loss.${k}`, vqLoss, { tolerance: lossTolerance });
    usage = recordHits(usage, await hits_SV.data<'float32'>(), scales);
    const positions = features.data.length / config.Cvae;
    const percent = usagePercent(usage, scales, usageMargin(positions, config.V));
    checks.check(`out.usages_percent.${k}`, { data: percent, shape: [scales] }, linearStack);
    checks.check(`out.ema_vocab_hit_SV.${k}`, { data: usage.ema_SV, shape: [scales, config.V] }, linearStack);
    const named = Object.entries(gradients).map(([name, tensor]) => [callName(name, k), tensor] as const);
    await checkGradients({ file, checks }, named);
    tf.dispose([features_BHWC, hits_SV]);
  }
  weight_BHWC.dispose();
  program.dispose();
}

/** Gradients of `vq_loss + mean(f_hat * W)` by the features (named `f`) and by the quantiser's parameters. */
function quantizerStep(config: VqConfig, all: Readonly<Record<string, Tensor>>) {
  return (features_BHWC: Tensor4D, weight_BHWC: Tensor4D, params: Record<string, Tensor>) => {
    const names = Object.keys(params);
    const forward = (features: Tensor4D, tensors: readonly Tensor[]) => {
      const given = { ...all, ...Object.fromEntries(names.map((name, i) => [name, tensors[i]!])) };
      return learnToQuantize(openVqVae(config, weightsFrom(given)).quantizer, features, config.beta);
    };
    const total = (features: Tensor, ...tensors: Tensor[]): Scalar => {
      const { map_BHWC, loss } = forward(features as Tensor4D, tensors);
      return tf.add(loss, tf.mean(tf.mul(map_BHWC, weight_BHWC)));
    };
    const values = [features_BHWC, ...names.map((name) => params[name]!)];
    const found = tf.grads((...tensors: Tensor[]) => total(tensors[0]!, ...tensors.slice(1)))(values);
    const { map_BHWC, loss, hits_SV } = forward(features_BHWC, values.slice(1));
    const gradients = Object.fromEntries(['f', ...names].map((name, i) => [name, found[i]!]));
    return { map_BHWC, vqLoss: loss, hits_SV, gradients };
  };
}

/** Case files shorten one name: `grad.embedding.0`. */
function callName(name: string, k: number): string {
  return `grad.${name === 'quantize.embedding.weight' ? 'embedding' : name}.${k}`;
}

async function checkWhole({ file, checks, engine, config, params }: Parts): Promise<void> {
  const program = engine.compile(wholeStep(config), { name: 'parity.vqvae-train' });
  const image_BHWC = imageTensor(tensorOf(file, 'in.img'));
  const { rec_BHWC, vqLoss, total, gradients } = await program(image_BHWC, params);
  await checks.checkTensor('out.rec', rec_BHWC, { tolerance: convStack, channelsFirst: true });
  await checks.checkTensor('out.vq_loss_full', vqLoss, { tolerance: lossTolerance });
  await checks.checkTensor('out.total_loss', total, { tolerance: lossTolerance });
  const named = Object.entries(gradients).map(([name, tensor]) => [`grad_full.${name}`, tensor] as const);
  await checkGradients({ file, checks }, named);
  image_BHWC.dispose();
  program.dispose();
}

/** Gradients of `MSE(reconstruction, image) + vq_loss` by every parameter. */
function wholeStep(config: VqConfig) {
  return (image_BHWC: Tensor4D, params: Record<string, Tensor>) => {
    const names = Object.keys(params);
    const forward = (tensors: readonly Tensor[]) => {
      const given = Object.fromEntries(names.map((name, i) => [name, tensors[i]!]));
      const { image_BHWC: rec_BHWC, loss: vqLoss } = reconstruct(openVqVae(config, weightsFrom(given)), image_BHWC);
      const total: Scalar = tf.add(tf.mean(tf.squaredDifference(rec_BHWC, image_BHWC)), vqLoss);
      return { rec_BHWC, vqLoss, total };
    };
    const values = names.map((name) => params[name]!);
    const found = tf.grads((...tensors: Tensor[]) => forward(tensors).total)(values);
    return { ...forward(values), gradients: Object.fromEntries(names.map((name, i) => [name, found[i]!])) };
  };
}

async function checkGradients(
  { file, checks }: { file: CaseFile; checks: Checks },
  gradients: readonly (readonly [string, Tensor])[],
): Promise<void> {
  for (const [name, tensor] of gradients) {
    const read = { data: await tensor.data<'float32'>(), shape: tensor.shape };
    tensor.dispose();
    if (!checks.has(name)) continue;
    const expected = tensorOf(file, name);
    const image = name.startsWith('grad.f.');
    checks.check(name, image ? toChannelsFirst(read) : read, gradient(expected.data, 'conv'));
  }
}

function pick<T>(record: Readonly<Record<string, T>>, wanted: (name: string) => boolean): Record<string, T> {
  return Object.fromEntries(Object.entries(record).filter(([name]) => wanted(name)));
}
