import * as tf from '@tensorflow/tfjs';
import type { Scalar, Tensor1D, Tensor4D } from '@tensorflow/tfjs';
import { type Engine, keyedRng, tensorFrom, type TraceRng } from '@tessera/engine';
import { TesseraError } from '@tessera/errors';
import { schema, type FieldType } from '@tessera/schema';
import {
  decodeLatent,
  encodeMoments,
  fitPreviewOnImages,
  type KlConfig,
  klConfig,
  klDivergence,
  klScalesConfig,
  type KlVae,
  latentOf,
  openKlVae,
  takeApart,
} from '@tessera/tokenizer-continuous';
import { trainingFields } from '../stage/optimiser.ts';
import type { EncodedSplit } from './encoded-split.ts';
import {
  type ImageBatch,
  reconstructionFields,
  reconstructionLoss,
  type ReconstructionLoss,
  type ReconstructionOptions,
} from './reconstruction-loss.ts';
import { type MeasuredConfig, measurePreview, refuseMeasured, type TokenizerTrainer } from './tokenizer-training.ts';

const WHO = 'training';

const fields = schema.object({
  kind: schema.choice('kl'),
  ...trainingFields,
  loss: schema.object({
    ...reconstructionFields,
    /** Weight of the divergence from the standard normal distribution, averaged over the latent's numbers. */
    kl: schema.number({ min: 0 }),
  }),
});

/** Section `tokenizer` of a recipe: stage one by a variational autoencoder. */
type KlRecipe = FieldType<typeof fields>;

interface KlLossOptions extends ReconstructionOptions {
  /** Weight of the divergence from the standard normal distribution, averaged over the latent's numbers. */
  readonly kl: number;
}

/**
 * Loss of a variational autoencoder (Kingma and Welling 2014, equation 10, as in latent diffusion, Rombach et al. 2022,
 * appendix G). Aux: `kl`, the divergence per number of the latent. Random stream: `posterior`. Pure and traceable.
 */
function klLoss(
  model: KlVae,
  { kl: weight, ...options }: KlLossOptions,
): (batch: ImageBatch, rng: TraceRng) => ReconstructionLoss {
  return reconstructionLoss((image_BHWC, rng: TraceRng) => {
    const moments_Bhw2z = encodeMoments(model, image_BHWC);
    const [batch, height, width, twice] = moments_Bhw2z.shape;
    const shape = [batch, height, width, twice / 2];
    const latent_Bhwz = latentOf(moments_Bhw2z, rng.normal('posterior', shape) as tf.Tensor4D);
    const numbers = height * width * (twice / 2);
    const kl = tf.div(tf.mean(klDivergence(moments_Bhw2z)), numbers) as Scalar;
    return { made_BHWC: decodeLatent(model, latent_Bhwz), latentLoss: tf.mul(kl, weight) as Scalar, aux: { kl } };
  }, options);
}

/** Of `kl`: the scale of latents is measured, never assumed. */
const klMeasured: MeasuredConfig = {
  fixed: ['groups'],
  measured: ['latentScale', 'preview'],
  initial(config, who) {
    refuseMeasured(config, ['latentScale'], who);
    return { ...config, latentScale: 1 };
  },
  async measure({ engine, data, config, weights, encoded }) {
    const model = openKlVae(klConfig.parse(config, WHO), weights);
    const preview = await measurePreview(data, (image_BHWC) => fitPreviewOnImages(engine, model, image_BHWC));
    return { latentScale: latentScaleOf(encoded), preview };
  },
};

/** Of `kl-scales`: also the standard deviation of every scale's part of the latents. */
const klScalesMeasured: MeasuredConfig = {
  fixed: ['groups'],
  measured: ['latentScale', 'scaleStd', 'preview'],
  initial(config, who) {
    refuseMeasured(config, ['latentScale', 'scaleStd'], who);
    const scales: unknown = 'patch_nums' in config ? config.patch_nums : null;
    return { ...config, latentScale: 1, scaleStd: Array.isArray(scales) ? scales.map(() => 1) : [] };
  },
  async measure({ engine, data, config, weights, encoded }) {
    const { patch_nums, ...own } = klScalesConfig.parse(config, WHO);
    const model = openKlVae(own, weights);
    const preview = await measurePreview(data, (image_BHWC) => fitPreviewOnImages(engine, model, image_BHWC));
    const latentScale = latentScaleOf(encoded);
    const scaleStd = (await scaleStdOf(engine, patch_nums, encoded)).map((std) =>
      Number((std * latentScale).toPrecision(6)),
    );
    return { latentScale, scaleStd, preview };
  },
};

/** Trains the variational autoencoder. Its plug-ins differ in how latents become tokens. */
export const klTrainer: TokenizerTrainer<KlRecipe> = {
  fields,
  plugins: { kl: klMeasured, 'kl-scales': klScalesMeasured },
  open({ recipe, config, weights }) {
    // The configurations of both plug-ins have all fields of the network.
    const model = openKlVae(config as KlConfig, weights);
    return {
      loss: (options) => klLoss(model, { ...options, kl: recipe.loss.kl }),
      terms: ['kl'],
    };
  },
};

const LATENT_CHUNK = 1000;
/** Latents that vary less than this carry no information: their decoder ignores them. */
const LEAST_LATENT_STD = 1e-5;

/**
 * Returns 1 over the standard deviation of all latents of a split, drawn from their posteriors. Scaled by it, tokens have
 * the unit variance that noise schedules expect (latent diffusion, Rombach et al. 2022, appendix G). The mean is not
 * subtracted from tokens. Moments are [..., 2z]: means, then logarithms of variances.
 * @throws TesseraError `latents-constant`
 */
function latentScaleOf({ count, shape, read }: Pick<EncodedSplit, 'count' | 'shape' | 'read'>): number {
  const twice = shape.at(-1)!;
  const half = twice / 2;
  let [sum, squares, numbers] = [0, 0, 0];
  for (let start = 0; start < count; start += LATENT_CHUNK) {
    const moments = read(Int32Array.from({ length: Math.min(LATENT_CHUNK, count - start) }, (_, i) => start + i));
    for (let at = 0; at < moments.length; at += twice) {
      for (let z = at; z < at + half; z++) {
        const mean = moments[z]!;
        sum += mean;
        squares += mean * mean + Math.exp(moments[z + half]!);
      }
    }
    numbers += moments.length / 2;
  }
  const std = Math.sqrt(squares / numbers - (sum / numbers) ** 2);
  if (std >= LEAST_LATENT_STD) return Number((1 / std).toPrecision(6));
  throw new TesseraError({
    code: 'latents-constant',
    who: 'training',
    got: `latents with a standard deviation of ${std}`,
    expected: `more than ${LEAST_LATENT_STD}, or nothing could be learnt from them`,
    next: 'Lower tokenizer.loss.kl, or train the tokenizer for longer.',
  });
}

/** Enough images for an error of 1%, even for a scale of one token. */
const MOST_IMAGES = 8192;
const SCALE_CHUNK = 256;
/** A scale that varies less than this carries no information. */
const LEAST_SCALE_STD = 1e-5;

/**
 * Standard deviation of each scale's part of the latents, drawn from their posteriors, before scaling. It is taken over
 * images spread evenly through the split, and over all positions and channels together.
 * @throws TesseraError `latents-constant`
 */
export async function scaleStdOf(
  engine: Engine,
  patch_nums: readonly number[],
  { count, shape, read }: Pick<EncodedSplit, 'count' | 'shape' | 'read'>,
): Promise<readonly number[]> {
  const [height, width, twice] = shape as readonly [number, number, number];
  const program = engine.compile(
    (moments: Tensor4D, noise: Tensor4D) => momentsOfParts(latentOf(moments, noise), patch_nums),
    { name: 'scale-std', axes: ['B . . .', 'B . . .'] },
  );
  const rng = keyedRng([0]);
  const images = Math.min(count, MOST_IMAGES);
  const sums = patch_nums.map(() => ({ mean: 0, square: 0 }));
  for (let start = 0; start < images; start += SCALE_CHUNK) {
    const size = Math.min(SCALE_CHUNK, images - start);
    const members = Int32Array.from({ length: size }, (_, i) => Math.floor(((start + i) * count) / images));
    const key = { row: 0, stream: 'posterior', step: start, position: 0 };
    const noise = rng.normal(key, (size * height * width * twice) / 2);
    const moments_Bhw2z = tensorFrom(read(members), [size, height, width, twice]) as Tensor4D;
    const noise_Bhwz = tensorFrom(noise, [size, height, width, twice / 2]) as Tensor4D;
    const { mean_S, square_S } = await program(moments_Bhw2z, noise_Bhwz);
    const [means, squares] = [await mean_S.data(), await square_S.data()];
    for (const [scale, sum] of sums.entries()) {
      sum.mean += (means[scale]! * size) / images;
      sum.square += (squares[scale]! * size) / images;
    }
    tf.dispose([moments_Bhw2z, noise_Bhwz, mean_S, square_S]);
  }
  program.dispose();
  return sums.map(({ mean, square }, scale) => checked(Math.sqrt(square - mean ** 2), scale));
}

function momentsOfParts(
  latent_Bhwz: Tensor4D,
  patch_nums: readonly number[],
): { readonly mean_S: Tensor1D; readonly square_S: Tensor1D } {
  const parts = takeApart(
    latent_Bhwz,
    patch_nums.map((side) => ({ height: side, width: side })),
  );
  return {
    mean_S: tf.stack(parts.map((part) => tf.mean(part))) as Tensor1D,
    square_S: tf.stack(parts.map((part) => tf.mean(tf.square(part)))) as Tensor1D,
  };
}

function checked(std: number, scale: number): number {
  if (std >= LEAST_SCALE_STD) return std;
  throw new TesseraError({
    code: 'latents-constant',
    who: 'training',
    got: `a standard deviation of ${std} at scale ${scale} of the latents`,
    expected: `more than ${LEAST_SCALE_STD}, or nothing could be learnt from it`,
    next: 'Leave the scale out of patch_nums, or train the tokenizer for longer.',
  });
}
