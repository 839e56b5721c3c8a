import { join } from 'node:path';
import { savedTensors } from '@tessera/models';
import type { TokenizerRecipe } from '../recipe/recipe.ts';
import { runStage } from '../trainer/run-stage.ts';
import { tokenizerStage } from '../trainer/tokenizer-stage.ts';
import type { OpenedJudge } from './judge-run.ts';
import type { RecipeParts } from './parts.ts';
import { drawReconstructions } from './reconstruction-grid.ts';
import { stageRun, type Room } from './room.ts';
import { flipsOf, tokenizerMadeOf } from './stage-ingredients.ts';
import type { TokenizerFile } from './tokenizer-file.ts';
import { writeWeightFile } from './weight-file.ts';

/**
 * Stage one of a recipe, where it is a training: begins or goes on with it, looking through the judge where one is given.
 * Null if it was interrupted.
 */
export async function runTokenizer(
  room: Room,
  { facts }: RecipeParts,
  { own, judge }: { own: TokenizerRecipe; judge: OpenedJudge | null },
): Promise<TokenizerFile | null> {
  const { recipe, engine, data, out } = room;
  const config = facts.configs.tokenizer;
  const flips = flipsOf(recipe);
  const network = judge?.judge.maps ?? null;
  const stage = tokenizerStage({ engine, data, recipe: own, config, seed: recipe.seed, flips, network });
  const path = join(out, 'tokenizer.safetensors');
  try {
    const madeOf = tokenizerMadeOf(room, judge?.sha256 ?? null);
    const run = stageRun(room, { name: stage.name, every: own.every, madeOf });
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
