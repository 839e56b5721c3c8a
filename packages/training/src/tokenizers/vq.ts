import type { Tensor4D } from '@tensorflow/tfjs';
import { fitPreview, type LinearPreview, toNetworkRange } from '@tessera/autoencoder';
import { type Engine, nn, type TrainStep } from '@tessera/engine';
import { schema, type FieldType } from '@tessera/schema';
import {
  encodeFeatures,
  openVqVae,
  quantize,
  reconstruct,
  vqConfig,
  type VqConfig,
  vqLayout,
  type VqVae,
} from '@tessera/tokenizer-vq';
import { batchOrder } from '../data/batches.ts';
import { imageBatch } from '../stage/image-batches.ts';
import { trainingFields } from '../stage/optimiser.ts';
import { codebookFields, codebookRevival, type CodebookRevival } from './codebook.ts';
import {
  type ImageBatch,
  reconstructionFields,
  reconstructionLoss,
  type ReconstructionLoss,
  type ReconstructionOptions,
} from './reconstruction-loss.ts';
import {
  type MeasuredConfig,
  measurePreview,
  type TokenizerTrainer,
  type TokenizerTrainingRequest,
  type TrainingHooks,
} from './tokenizer-training.ts';

const WHO = 'training';

const fields = schema.object({
  kind: schema.choice('vq'),
  ...trainingFields,
  loss: schema.object(reconstructionFields),
  codebook: codebookFields,
});

/** Section `tokenizer` of a recipe: stage one by vector quantisation. */
type VqRecipe = FieldType<typeof fields>;

/**
 * Loss of the multi-scale VQ-VAE (VAR, arXiv 2404.02905, section 3.2, algorithm 1): reconstruction, codebook and
 * commitment. Aux: `quantiser` (codebook and commitment), `hits_SV` (uses of each code), and `residual_BLC`, the features
 * that each scale had to quantise. Pure and traceable.
 */
export function vqLoss(model: VqVae, options: ReconstructionOptions): (batch: ImageBatch) => ReconstructionLoss {
  return reconstructionLoss((image_BHWC) => {
    const { image_BHWC: made_BHWC, loss, hits_SV, residual_BLC } = reconstruct(model, image_BHWC);
    return { made_BHWC, latentLoss: loss, aux: { quantiser: loss, hits_SV, residual_BLC } };
  }, options);
}

/** Codes need no scale: only the preview is measured. */
const vqMeasured: MeasuredConfig = {
  fixed: ['groups', 'quant_resi', 'share_quant_resi', 'using_znorm', 'patch_nums'],
  measured: ['preview'],
  initial: (config) => config,
  async measure({ engine, data, config, weights }) {
    const model = openVqVae(vqConfig.parse(config, WHO), weights);
    return { preview: await measurePreview(data, (image_BHWC) => fitOnFeatures(engine, model, image_BHWC)) };
  },
};

/** Trains the multi-scale VQ-VAE. Codes start from data, and dead codes are revived. */
export const vqTrainer: TokenizerTrainer<VqRecipe> = {
  fields,
  plugins: { vq: vqMeasured },
  open(request) {
    const model = openVqVae(vqConfig.parse(request.config, WHO), request.weights);
    return {
      loss: (options) => vqLoss(model, options),
      terms: ['quantiser'],
      hooks: (trainStep) => codebookHooks(request, trainStep),
    };
  },
};

/** How often the codebook is drawn before training, each time from the residuals that the codes of the last round leave. */
const START_ROUNDS = 3;

function codebookHooks(request: TokenizerTrainingRequest<VqRecipe>, trainStep: TrainStep): TrainingHooks {
  const { recipe } = request;
  const revival = revivalOf(request, vqConfig.parse(request.config, WHO));
  const { startImages } = recipe.codebook;
  return {
    async start() {
      if (startImages === 0) return;
      for (let round = 0; round < START_ROUNDS; round++) {
        const residuals = await residualsOf(request, trainStep, { from: 0, images: startImages });
        await revival.start(trainStep, residuals, round);
      }
    },
    async after(step, result) {
      revival.record(result);
      if (!revival.due(step)) return;
      const residuals = await residualsOf(request, trainStep, { from: step, images: recipe.batch });
      await revival.revive(trainStep, residuals, step);
    },
    figures: () => ({ usage: revival.usage(), revived: revival.revived() }),
    memory: revival.memory,
  };
}

function revivalOf({ recipe, seed }: TokenizerTrainingRequest<VqRecipe>, config: VqConfig): CodebookRevival {
  const { length, scales } = vqLayout(config);
  const { height, width } = scales.at(-1)!;
  return codebookRevival({
    recipe,
    seed,
    scales: scales.length,
    vocabulary: config.V,
    channels: config.Cvae,
    length,
    positions: height * width,
  });
}

/** The residuals of some training images: the features that the current codes have to quantise, at every position. */
async function residualsOf(
  { data, recipe, seed }: TokenizerTrainingRequest<VqRecipe>,
  trainStep: TrainStep,
  { from, images }: { from: number; images: number },
): Promise<Float32Array> {
  const order = batchOrder(data.train.count, { batch: recipe.batch, seed });
  const make = imageBatch(data.image);
  const found: Float32Array[] = [];
  for (let number = from; number < from + Math.ceil(images / recipe.batch); number++) {
    const batch = await make(data.train, order.batch(number));
    const { aux } = await trainStep.evaluate(batch, 0);
    for (const tensor of Object.values(batch)) tensor.dispose();
    found.push(aux['residual_BLC'] as Float32Array);
  }
  const all = new Float32Array(found.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of found) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** Fits quantised features to the mean colour of their part of the image. */
async function fitOnFeatures(engine: Engine, model: VqVae, image_BHWC: Tensor4D): Promise<LinearPreview> {
  const { height, width } = model.quantizer.sizes.at(-1)!;
  const program = engine.compile(
    (pixels_BHWC: Tensor4D) => ({
      map_BhwC: quantize(model.quantizer, encodeFeatures(model, toNetworkRange(pixels_BHWC))).map_BHWC.at(-1)!,
      colour_Bhwc: nn.resize(pixels_BHWC, height, width, 'area'),
    }),
    { name: 'preview-fit' },
  );
  const { map_BhwC, colour_Bhwc } = await program(image_BHWC);
  const fitted = fitPreview({
    latent_NC: await map_BhwC.data<'float32'>(),
    pixel_Nc: await colour_Bhwc.data<'float32'>(),
    count: image_BHWC.shape[0] * height * width,
  });
  for (const tensor of [map_BhwC, colour_Bhwc]) tensor.dispose();
  program.dispose();
  return fitted;
}
