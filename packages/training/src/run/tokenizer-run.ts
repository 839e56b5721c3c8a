import { join } from 'node:path';
import { savedTensors } from '@tessera/models';
import type { FeatureNetwork } from '../loss/perceptual.ts';
import type { TokenizerRecipe } from '../recipe/recipe.ts';
import { runStage } from '../trainer/run-stage.ts';
import { tokenizerStage } from '../trainer/tokenizer-stage.ts';
import type { RecipeParts } from './parts.ts';
import { drawReconstructions } from './reconstruction-grid.ts';
import { deciding, flipsOf, stageRun, type Room } from './room.ts';
import type { TokenizerFile } from './tokenizer-file.ts';
import { writeWeightFile } from './weight-file.ts';

/** Stage one of a recipe, where it is a training: begins or goes on with it. Null if it was interrupted. */
export async function runTokenizer(
  room: Room,
  { facts }: RecipeParts,
  { own, network }: { own: TokenizerRecipe; network: FeatureNetwork | null },
): Promise<TokenizerFile | null> {
  const { recipe, engine, data, out } = room;
  const config = facts.configs.tokenizer;
  const flips = flipsOf(recipe);
  const stage = tokenizerStage({ engine, data, recipe: own, config, seed: recipe.seed, flips, network });
  const path = join(out, 'tokenizer.safetensors');
  try {
    const decides = [deciding(own), recipe.model!.tokenizer, own.loss.perceptual > 0 ? recipe.judge : null];
    const run = stageRun(room, { name: stage.name, every: own.every, decides });
    const drawing = {
      ...stage,
      picture: async (step: number) => drawReconstructions(room, await stage.reconstruct(), step + 1),
    };
    const { finished } = await runStage(drawing, run);
    if (!finished) return null;
    await stage.trainStep.sync(own.optimiser.ema > 0 ? 'ema' : 'params');
    return { path, sha256: await writeWeightFile(path, savedTensors(stage.weights)) };
  } finally {
    stage.dispose();
  }
}
