import { join } from 'node:path';
import { type JudgeNetwork, openJudgeFile, writeJudgeCard } from '@tessera/features';
import { savedTensors } from '@tessera/models';
import { augmentationOf } from '../data/augment.ts';
import { judgeAccuracy } from '../evaluation/evaluate.ts';
import { judgeStage, openNamedJudge } from '../evaluation/judge.ts';
import { judgeProvenance } from './provenance.ts';
import type { TrainingRun } from './training-run.ts';
import { writeWeightFile } from './weight-files.ts';

/** A recipe's judge, and what was measured of it. */
interface OpenedJudge {
  readonly network: JudgeNetwork;
  /** Of one that the run has trained: the share of test images that it recognises. */
  readonly metrics: Readonly<Record<string, number>>;
}

type JudgeRun = Pick<TrainingRun, 'recipe' | 'engine' | 'data' | 'digests' | 'out' | 'train'>;

/**
 * The recipe's judge, trained first if it is not there yet. A trained one is kept as `judge.safetensors` with its card
 * `judge.json`. Null if the recipe has none, or if training was interrupted. Paths start at `folder`.
 */
export async function openRecipeJudge(run: JudgeRun, folder: string): Promise<OpenedJudge | null> {
  const { recipe, engine, data, out, train } = run;
  const { judge } = recipe;
  if (!judge) return null;
  if (judge.kind !== 'train') return { network: (await openNamedJudge(judge, folder))!, metrics: {} };
  const augmentation = augmentationOf(recipe.data);
  const stage = judgeStage({ engine, data, recipe: judge, seed: recipe.seed, augmentation });
  try {
    if (!(await train(stage, { every: judge.every, provenance: judgeProvenance(run) }))) return null;
    await stage.trainStep.sync(judge.optimiser.ema > 0 ? 'ema' : 'params');
    const { path, sha256 } = await writeWeightFile(join(out, 'judge.safetensors'), savedTensors(stage.weights));
    const facts = { name: recipe.model ? `${recipe.name}/judge` : recipe.name, licence: recipe.licence, sha256 };
    const network = await openJudgeFile(path, stage.config, facts);
    const accuracy = await judgeAccuracy({ engine, judge: network, data }, data.test);
    await writeJudgeCard(join(out, 'judge.json'), { ...facts, data: data.name, config: stage.config, accuracy });
    return { network, metrics: { judgeAccuracy: accuracy } };
  } finally {
    stage.dispose();
  }
}
