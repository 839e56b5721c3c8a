import { join } from 'node:path';
import { savedTensors } from '@tessera/models';
import { openJudgeFile, openShippedJudge } from '../evaluation/shipped-judge.ts';
import type { Judge } from '../evaluation/judge.ts';
import { runStage } from '../trainer/run-stage.ts';
import { judgeStage } from '../trainer/judge-stage.ts';
import { stageRun, type Room } from './room.ts';
import { judgeMadeOf } from './stage-ingredients.ts';
import { writeWeightFile } from './weight-file.ts';

export interface OpenedJudge {
  readonly judge: Judge;
  /** What figures name: the judge and the hash of its weights. */
  readonly name: string;
  readonly sha256: string;
  dispose(): void;
}

/** The recipe's judge, trained first where it is not there yet; null if the recipe has none, or if it was interrupted. */
export async function runJudge(room: Room): Promise<OpenedJudge | null> {
  const { recipe, engine, data, out } = room;
  if (!recipe.judge) return null;
  if (recipe.judge.kind === 'shipped') return openShippedJudge(recipe.judge.name);
  const path = join(out, 'judge.safetensors');
  const stage = judgeStage({ engine, data, recipe: recipe.judge, seed: recipe.seed });
  const { config } = stage;
  try {
    const run = stageRun(room, { name: 'judge', every: recipe.judge.every, madeOf: judgeMadeOf(room) });
    const { finished } = await runStage(stage, run);
    if (!finished) return null;
    await stage.trainStep.sync(recipe.judge.optimiser.ema > 0 ? 'ema' : 'params');
    const sha256 = await writeWeightFile(path, savedTensors(stage.weights));
    return { name: `${recipe.name}/judge`, sha256, ...(await openJudgeFile(path, config)) };
  } finally {
    stage.dispose();
  }
}
