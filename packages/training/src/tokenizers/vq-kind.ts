import type { TrainStep } from '@tessera/engine';
import { openVqVae, vqConfig, vqLayout, type VqConfig } from '@tessera/tokenizer-vq';
import { batchOrder } from '../data/batch-order.ts';
import { vqLoss } from '../loss/vq-loss.ts';
import type { VqRecipe } from '../recipe/recipe.ts';
import { codeKeeper, type CodeKeeper } from '../trainer/code-keeper.ts';
import { imageBatch } from '../trainer/image-batches.ts';
import type { Attendant, LearnerRequest, TokenizerKind } from './tokenizer-kind.ts';

const WHO = 'training';

/** The multi-scale VQ-VAE: codes start from data, and dead ones start again. */
export const vqKind: TokenizerKind<VqRecipe> = {
  learner(request) {
    const model = openVqVae(vqConfig.parse(request.config, WHO), request.weights);
    return {
      loss: (options) => vqLoss(model, options),
      terms: ['quantiser'],
      attend: (trainStep) => attend(request, trainStep),
    };
  },
};

/** How often the codebook is drawn anew before training, each time from what the codes of the round before leave over. */
const START_ROUNDS = 3;

function attend(request: LearnerRequest<VqRecipe>, trainStep: TrainStep): Attendant {
  const { recipe } = request;
  const keeper = keeperOf(request, vqConfig.parse(request.config, WHO));
  const { startImages } = recipe.codebook;
  return {
    async start() {
      if (startImages === 0) return;
      for (let round = 0; round < START_ROUNDS; round++) {
        const residuals = await residualsOf(request, trainStep, { from: 0, images: startImages });
        await keeper.start(trainStep, residuals, round);
      }
    },
    async after(step, result) {
      keeper.record(result);
      if (!keeper.due(step)) return;
      const residuals = await residualsOf(request, trainStep, { from: step, images: recipe.batch });
      await keeper.revive(trainStep, residuals, step);
    },
    figures: () => ({ usage: keeper.usage(), revived: keeper.revived() }),
    memory: keeper.memory,
  };
}

function keeperOf({ recipe, seed }: LearnerRequest<VqRecipe>, config: VqConfig): CodeKeeper {
  const { length, scales } = vqLayout(config);
  const { height, width } = scales.at(-1)!;
  return codeKeeper({
    recipe,
    seed,
    scales: scales.length,
    vocabulary: config.V,
    channels: config.Cvae,
    length,
    positions: height * width,
  });
}

/** What the positions of some training images leave to explain under the codes of now. */
async function residualsOf(
  { data, recipe, seed }: LearnerRequest<VqRecipe>,
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
