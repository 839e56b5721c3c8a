import * as tf from '@tensorflow/tfjs';
import type { Scalar, Tensor4D } from '@tensorflow/tfjs';
import { toNetworkRange } from '@tessera/autoencoder';
import type { Weights } from '@tessera/core';
import { type Engine, nn, tensorFrom, type TrainResult, type TrainStep } from '@tessera/engine';
import { freshWeights, type FreshWeights } from '@tessera/models';
import { schema, type FieldType } from '@tessera/schema';
import { optimiserSpec, type TrainingRecipe } from '../stage/optimiser.ts';
import type { Batch } from '../stage/stage.ts';

const { integer, number, object, optional } = schema;

/** Section `tokenizer.loss.adversarial` of a recipe. */
export const adversarialFields = object({
  weight: number({ min: 0 }),
  /** Share of the training after which the term begins. */
  from: optional(number({ min: 0, max: 1 }), 0.5),
  width: optional(integer({ min: 1 }), 32),
  levels: optional(integer({ min: 1 }), 3),
});
type AdversarialRecipe = FieldType<typeof adversarialFields>;

/** Rates how real every patch of an image in [-1, 1] looks: [B, H, W, C] -> [B, h, w, 1]. */
export type Discriminator = (image_BHWC: Tensor4D) => Tensor4D;

interface DiscriminatorConfig {
  readonly channels: number;
  /** Width of the first level; each further level doubles it. */
  readonly width: number;
  /** Levels that halve the image. */
  readonly levels: number;
}

/** A patch discriminator (Isola et al. 2017), with group instead of batch normalisation, which keeps no statistics. */
export function patchDiscriminator(weights: Weights, { channels, width, levels }: DiscriminatorConfig): Discriminator {
  const layers = Array.from({ length: levels }, (_, level) => {
    const [from, to] = [level === 0 ? channels : width * 2 ** (level - 1), width * 2 ** level];
    const path = `level.${level}`;
    return { conv: takeConv(weights, `${path}.conv`, { from, to }), norm: takeNorm(weights, `${path}.norm`, to) };
  });
  const last = takeConv(weights, 'out', { from: width * 2 ** (levels - 1), to: 1 });
  return (image_BHWC) => {
    let x = image_BHWC;
    for (const [level, { conv, norm }] of layers.entries()) {
      x = nn.conv2d(x, conv.weight, conv.bias, { stride: 2, pad: 1 });
      if (level > 0) x = nn.groupNorm(x, norm.weight, norm.bias, 4, 1e-6);
      x = tf.leakyRelu(x, 0.2);
    }
    return nn.conv2d(x, last.weight, last.bias, { pad: 1 });
  };
}

function takeConv(weights: Weights, path: string, { from, to }: { from: number; to: number }) {
  const init = { kind: 'normal', std: Math.sqrt(2 / (9 * from)) } as const;
  return {
    weight: weights.param(`${path}.weight`, [to, from, 3, 3], { init, decay: true }),
    bias: weights.param(`${path}.bias`, [to], { init: { kind: 'zeros' }, decay: false }),
  };
}

function takeNorm(weights: Weights, path: string, channels: number) {
  return {
    weight: weights.param(`${path}.weight`, [channels], { init: { kind: 'ones' }, decay: false }),
    bias: weights.param(`${path}.bias`, [channels], { init: { kind: 'zeros' }, decay: false }),
  };
}

/** Hinge loss of the discriminator (Lim and Ye 2017): it pushes real patches above 1 and reconstructed ones below -1. */
function discriminatorLoss(discriminator: Discriminator, real_BHWC: Tensor4D, made_BHWC: Tensor4D): Scalar {
  const real = tf.mean(tf.relu(tf.sub(1, discriminator(real_BHWC))));
  const made = tf.mean(tf.relu(tf.add(1, discriminator(made_BHWC))));
  return tf.mul(0.5, tf.add(real, made));
}

/**
 * The autoencoder's part of the hinge loss: reconstructed patches should look real. Its weight adapts, so that its gradient
 * is as large as that of the reconstruction loss (VQGAN, Esser et al. 2021, equation 7). VQGAN compares gradients at the
 * decoder's last layer. Here they are compared at the image itself, which works for any decoder.
 * @param reconstruction the reconstruction loss as a function of the image
 */
export function adversarialLoss(
  made_BHWC: Tensor4D,
  { discriminator, reconstruction }: { discriminator: Discriminator; reconstruction: (made_BHWC: Tensor4D) => Scalar },
): { loss: Scalar; weight: Scalar } {
  const fooled = (image: Tensor4D): Scalar => tf.neg(tf.mean(discriminator(image)));
  const pull = norm(tf.grad((image) => reconstruction(image as Tensor4D))(made_BHWC));
  const push = norm(tf.grad((image) => fooled(image as Tensor4D))(made_BHWC));
  const ratio = tf.clipByValue(tf.div(pull, tf.add(push, 1e-4)), 0, 1e4) as Scalar;
  const weight = nn.withoutGradient(() => tf.clone(ratio));
  return { loss: tf.mul(weight, fooled(made_BHWC)), weight };
}

function norm(x: tf.Tensor): Scalar {
  return tf.sqrt(tf.sum(tf.square(x)));
}

/** A discriminator and its training. */
export interface AdversarialTraining {
  readonly discriminator: Discriminator;
  readonly weights: FreshWeights;
  readonly trainStep: TrainStep;
  readonly weight: number;
  /** Steps after which it begins. */
  readonly from: number;
}

/** Opens the discriminator that a recipe asks for, or null without one. */
export function openAdversarialTraining(
  engine: Engine,
  recipe: TrainingRecipe & { readonly loss: { readonly adversarial: AdversarialRecipe | null } },
  { channels, seed }: { channels: number; seed: number },
): AdversarialTraining | null {
  const { adversarial } = recipe.loss;
  if (!adversarial) return null;
  const { weight, from, width, levels } = adversarial;
  const weights = freshWeights(seed);
  const discriminator = patchDiscriminator(weights, { channels, width, levels });
  const trainStep = engine.compileTrainStep({
    name: 'tokenizer.discriminator',
    params: weights.params,
    loss: ({ image_BHWC, made_BHWC }) => ({
      loss: discriminatorLoss(discriminator, toNetworkRange(image_BHWC as Tensor4D), made_BHWC as Tensor4D),
    }),
    ...optimiserSpec(recipe),
  });
  return { discriminator, weights, trainStep, weight, from: Math.round(from * recipe.steps) };
}

interface AdversarialPair {
  /** Trains the autoencoder. Its aux value `made_BHWC` is what the discriminator sees. */
  readonly autoencoder: TrainStep;
  readonly discriminator: TrainStep;
  /** Steps after which the adversarial term begins. Until then the discriminator is not trained. */
  readonly from: number;
}

const PREFIX = 'discriminator/';

/**
 * Joins two train steps into one: the autoencoder's, then the discriminator's on the reconstructions. Both must belong to
 * one engine, so that each sees the other's newest parameters.
 */
export function adversarialStep({ autoencoder, discriminator, from }: AdversarialPair): TrainStep {
  let done = 0;
  return {
    async run(batches, hyper) {
      const share = tensorFrom(Float32Array.of(done < from ? 0 : 1), []);
      const gated = batches.map((batch) => ({ ...batch, adversarial_share: share }));
      const result = await autoencoder.run(gated, hyper).finally(() => share.dispose());
      done++;
      if (done <= from) return withFigure(result, 0);
      const pair = pairOf(batches.at(-1)!, result);
      const { loss } = await discriminator.run([pair], hyper).finally(() => pair['made_BHWC']!.dispose());
      return withFigure(result, loss);
    },
    async evaluate(batch, key) {
      const share = tensorFrom(Float32Array.of(done < from ? 0 : 1), []);
      return autoencoder.evaluate({ ...batch, adversarial_share: share }, key).finally(() => share.dispose());
    },
    async state() {
      const other = [...(await discriminator.state())].map(([name, value]) => [PREFIX + name, value] as const);
      const own = new Map([...(await autoencoder.state()), ...other]);
      return own.set(`${PREFIX}done`, { data: Float32Array.of(done), shape: [1] });
    },
    async load(state) {
      const entries = [...state];
      const other = entries.filter(([name]) => name.startsWith(PREFIX));
      await autoencoder.load(new Map(entries.filter(([name]) => !name.startsWith(PREFIX))));
      await discriminator.load(new Map(other.map(([name, value]) => [name.slice(PREFIX.length), value])));
      done = state.get(`${PREFIX}done`)!.data[0]!;
    },
    sync: (which) => autoencoder.sync(which),
    dispose() {
      autoencoder.dispose();
      discriminator.dispose();
    },
  };
}

/** The batch and its reconstructions. There must be one batch: the aux values of accumulated batches are averages. */
function pairOf(batch: Batch, { aux }: TrainResult): Record<string, Batch[string]> {
  const image_BHWC = batch['image_BHWC']!;
  return { image_BHWC, made_BHWC: tensorFrom(aux['made_BHWC'] as Float32Array, image_BHWC.shape) };
}

function withFigure(result: TrainResult, loss: number): TrainResult {
  return { ...result, aux: { ...result.aux, discriminator: Float32Array.of(loss) } };
}
