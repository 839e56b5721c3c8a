import * as tf from '@tensorflow/tfjs';
import type { Scalar, Tensor1D, Tensor4D } from '@tensorflow/tfjs';
import { toNetworkRange } from '@tessera/autoencoder';
import { type Engine, nn, tensorFrom, type TrainHyper, type TrainResult, type TrainStep } from '@tessera/engine';
import { freshWeights, type FreshWeights } from '@tessera/models';
import { schema, type FieldType } from '@tessera/schema';
import { optimiserSpec, type TrainingRecipe } from '../stage/optimiser.ts';
import type { Batch } from '../stage/stage.ts';
import { type Discriminator, discriminatorLoss, patchDiscriminator } from './discriminator.ts';

const { integer, number, object, optional } = schema;

/**
 * Section `tokenizer.loss.adversarial` of a recipe. What a recipe leaves out of the later fields stays out of the
 * fingerprint of its checkpoints, which are older than these fields.
 */
export const adversarialFields = object({
  weight: number({ min: 0 }),
  /** Share of the training after which the term begins. */
  from: optional(number({ min: 0, max: 1 }), 0.5),
  width: optional(integer({ min: 1 }), 32),
  levels: optional(integer({ min: 1 }), 3),
  /** Peak of the discriminator's learning rate, with the shape of the autoencoder's. Left out: the same peak. */
  learningRate: optional(number({ min: 0 }), undefined),
  /** Gradient penalty on real images, in every so many steps, and then so many times as strong. */
  r1: optional(
    object({ weight: optional(number({ min: 0 }), 1), every: optional(integer({ min: 1 }), 16) }),
    undefined,
  ),
  /** Keeps ratings near the moving averages of past ones. */
  lecam: optional(
    object({ weight: optional(number({ min: 0 }), 0.1), decay: optional(number({ min: 0, max: 1 }), 0.99) }),
    undefined,
  ),
});
type AdversarialRecipe = FieldType<typeof adversarialFields>;

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
  readonly recipe: AdversarialRecipe;
  /** Joins the autoencoder's train step and the discriminator's. */
  join(autoencoder: TrainStep): TrainStep;
}

/** Opens the discriminator that a recipe asks for, or null without one. */
export function openAdversarialTraining(
  engine: Engine,
  recipe: TrainingRecipe & { readonly loss: { readonly adversarial: AdversarialRecipe | null } },
  { channels, seed }: { channels: number; seed: number },
): AdversarialTraining | null {
  const { adversarial } = recipe.loss;
  if (!adversarial) return null;
  const weights = freshWeights(seed);
  const discriminator = patchDiscriminator(weights, { channels, width: adversarial.width, levels: adversarial.levels });
  const trainStep = engine.compileTrainStep({
    name: 'tokenizer.discriminator',
    params: weights.params,
    loss: ({ image_BHWC, made_BHWC, r1, lecam, anchors_2 }) =>
      discriminatorLoss(discriminator, {
        real_BHWC: toNetworkRange(image_BHWC as Tensor4D),
        made_BHWC: made_BHWC as Tensor4D,
        r1,
        lecam: lecam && { weight: lecam, anchors_2: anchors_2 as Tensor1D },
      }),
    ...optimiserSpec(recipe),
    ema: false,
  });
  const own = adversarial.learningRate ?? recipe.optimiser.learningRate.peak;
  const pair = {
    discriminator: trainStep,
    recipe: adversarial,
    from: Math.round(adversarial.from * recipe.steps),
    rate: own === recipe.optimiser.learningRate.peak ? 1 : own / recipe.optimiser.learningRate.peak,
  };
  return {
    discriminator,
    weights,
    recipe: adversarial,
    join: (autoencoder) => adversarialStep({ autoencoder, ...pair }),
  };
}

interface AdversarialPair {
  /** Trains the autoencoder. Its aux value `made_BHWC` is what the discriminator sees. */
  readonly autoencoder: TrainStep;
  readonly discriminator: TrainStep;
  readonly recipe: Pick<AdversarialRecipe, 'r1' | 'lecam'>;
  /** Steps after which the adversarial term begins. Until then the discriminator is not trained. */
  readonly from: number;
  /** The discriminator's learning rate over the autoencoder's. */
  readonly rate: number;
}

const PREFIX = 'discriminator/';

/** Mean ratings of the past: of real images, and of made ones. */
type Anchors = readonly [real: number, made: number];

/**
 * Joins two train steps into one: the autoencoder's, then the discriminator's on the reconstructions. Both must belong to
 * one engine, so that each sees the other's newest parameters.
 */
function adversarialStep({ autoencoder, discriminator, recipe, from, rate }: AdversarialPair): TrainStep {
  let done = 0;
  let anchors: Anchors | null = null;
  const share = () => tensorFrom(Float32Array.of(done < from ? 0 : 1), []);

  /** Trains the discriminator. There must be one batch: the aux values of accumulated batches are averages. */
  async function judge({ image_BHWC }: Batch, { aux }: TrainResult, hyper: TrainHyper): Promise<TrainResult> {
    const made_BHWC = tensorFrom(aux['made_BHWC'] as Float32Array, image_BHWC!.shape);
    const own = { made_BHWC, ...termsOf(recipe, { step: done - 1 - from, anchors }) };
    const judged = await discriminator
      .run([{ image_BHWC: image_BHWC!, ...own }], { ...hyper, learningRate: rate * hyper.learningRate })
      .finally(() => tf.dispose(Object.values(own)));
    if (recipe.lecam) anchors = movedAnchors(anchors, judged, recipe.lecam.decay);
    return judged;
  }

  return {
    async run(batches, hyper) {
      const adversarial_share = share();
      const gated = batches.map((batch) => ({ ...batch, adversarial_share }));
      const result = await autoencoder.run(gated, hyper).finally(() => adversarial_share.dispose());
      done++;
      if (done <= from) return { ...result, aux: { ...result.aux, discriminator: Float32Array.of(0) } };
      const { aux, compiling } = await judge(batches.at(-1)!, result, hyper);
      const { hinge: discriminator, ...others } = aux;
      const figures = { ...result.aux, ...others, discriminator: discriminator! };
      return { ...result, aux: figures, compiling: result.compiling + compiling };
    },
    async evaluate(batch, key) {
      const adversarial_share = share();
      return autoencoder.evaluate({ ...batch, adversarial_share }, key).finally(() => adversarial_share.dispose());
    },
    async state() {
      const other = [...(await discriminator.state())].map(([name, value]) => [PREFIX + name, value] as const);
      const own = new Map([...(await autoencoder.state()), ...other]);
      if (anchors) own.set(`${PREFIX}anchors`, { data: Float32Array.from(anchors), shape: [2] });
      return own.set(`${PREFIX}done`, { data: Float32Array.of(done), shape: [1] });
    },
    async load(state) {
      const entries = [...state];
      const other = entries.filter(([name]) => name.startsWith(PREFIX));
      await autoencoder.load(new Map(entries.filter(([name]) => !name.startsWith(PREFIX))));
      await discriminator.load(new Map(other.map(([name, value]) => [name.slice(PREFIX.length), value])));
      done = state.get(`${PREFIX}done`)!.data[0]!;
      const past = state.get(`${PREFIX}anchors`);
      anchors = past ? [past.data[0]!, past.data[1]!] : null;
    },
    sync: (which) => autoencoder.sync(which),
    dispose() {
      autoencoder.dispose();
      discriminator.dispose();
    },
  };
}

/** What the discriminator's batch holds besides images: the weights of its terms in this step, counted from its first. */
function termsOf(
  { r1, lecam }: AdversarialPair['recipe'],
  { step, anchors }: { readonly step: number; readonly anchors: Anchors | null },
): Batch {
  return {
    ...(r1 && step % r1.every === 0 && { r1: tensorFrom(Float32Array.of(r1.weight * r1.every), []) }),
    ...(lecam && {
      lecam: tensorFrom(Float32Array.of(anchors ? lecam.weight : 0), []),
      anchors_2: tensorFrom(Float32Array.from(anchors ?? [0, 0]), [2]),
    }),
  };
}

/** Moving averages in float32, as a checkpoint keeps them. */
function movedAnchors(past: Anchors | null, { aux }: TrainResult, decay: number): Anchors {
  const [real, made] = [aux['real']![0]!, aux['made']![0]!];
  if (!past) return [real, made];
  return [Math.fround(decay * past[0] + (1 - decay) * real), Math.fround(decay * past[1] + (1 - decay) * made)];
}
