import type { JudgeNetwork } from '@tessera/features';
import { drawCurves } from '../report/curves.ts';
import { writeReport } from '../report/report-page.ts';
import { openPerceptualNetwork, perceptualSource } from '../tokenizers/perceptual.ts';
import { completeRecipe } from './complete-recipe.ts';
import { checkStages } from './check-stages.ts';
import { evaluateRun } from './evaluate-run.ts';
import { type TrainedModel, trainGenerator } from './generator-run.ts';
import { openRecipeJudge } from './judge-run.ts';
import { forgetOtherStages, requireFreshCheckpoints } from './provenance.ts';
import { dataRemarks, openRecipeData } from './recipe-data.ts';
import { fitParts, type FittedParts } from './recipe-parts.ts';
import { measureTokenizer } from './tokenizer-alone.ts';
import { copyTokenizer, trainTokenizer } from './tokenizer-run.ts';
import { openRun, progressOn, type RunRequest, type TrainingRun } from './training-run.ts';
import { removeDrafts, type WeightFile } from './weight-files.ts';

export interface RunResult {
  /** False if the signal stopped it. The same call then continues where it stopped. */
  readonly finished: boolean;
  /** The model's folder, once there is one. */
  readonly model: string | null;
  /** Figures of the evaluation, by name. */
  readonly metrics: Readonly<Record<string, number>>;
}

const STOPPED: RunResult = { finished: false, model: null, metrics: {} };

/**
 * Runs a recipe from data to an evaluated model folder: judge, tokenizer, encodings, generator, evaluation. Everything is
 * kept in `out`. A run that was interrupted, by the signal or by a crash, continues from its last checkpoint with the
 * same losses. It is refused if the recipe or the images have changed since.
 * @throws TesseraError `recipe-changed`, `data-changed`, and those of data, recipe and parts
 */
export async function runRecipe(request: RunRequest): Promise<RunResult> {
  const { engine, plugins, signal, stream } = request;
  const data = await openRecipeData(request.loaded, { networks: plugins?.networks, progress: progressOn(stream) });
  const { loaded, start } = await completeRecipe(request.loaded, data, plugins);
  const parts = await fitParts({ loaded, engine, plugins }, data);
  const run = await openRun({ ...request, loaded }, { data, start });
  await requireFreshCheckpoints(run);
  await forgetOtherStages(run);
  await removeDrafts(run.out);
  if (data.found && Object.keys(data.skipped ?? {}).length > 0) run.note(`${data.found}.`);
  for (const remark of dataRemarks(data)) run.note(remark);
  await checkStages({ loaded, engine, plugins }, { data, parts, start, out: run.out });
  const opened = await openRecipeJudge(run, loaded.folder);
  const judge = opened && opened.network;
  try {
    if (signal.aborted) return STOPPED;
    if (!parts) return await withoutModel(run, opened?.metrics ?? {});
    const around = { judge, folder: loaded.folder };
    if (!run.recipe.generator) return await tokenizerAlone(run, parts, around);
    const trained = await trainModel(run, parts, around);
    await drawCurves(run);
    if (!trained) {
      await writeReport(run, 'stopped');
      return STOPPED;
    }
    const metrics = judge ? await evaluateRun(run, { judge, trained }) : {};
    await writeReport({ ...run, metrics }, 'finished');
    return { finished: true, model: trained.folder, metrics };
  } finally {
    judge?.dispose();
  }
}

/** A recipe without a generator ends after stage one. With a generator, `--resume` continues from there. */
async function tokenizerAlone(run: TrainingRun, parts: FittedParts, around: Surroundings): Promise<RunResult> {
  const file = await stageOne(run, parts, around);
  if (file)
    return withoutModel(run, around.judge ? await measureTokenizer(run, parts, { judge: around.judge, file }) : {});
  await drawCurves(run);
  await writeReport(run, 'stopped');
  return STOPPED;
}

/** The end of a run that makes no model: a judge alone, a tokenizer alone. */
async function withoutModel(run: TrainingRun, metrics: RunResult['metrics']): Promise<RunResult> {
  await drawCurves(run);
  await writeReport({ ...run, metrics }, 'finished');
  return { finished: true, model: null, metrics };
}

async function trainModel(run: TrainingRun, parts: FittedParts, around: Surroundings): Promise<TrainedModel | null> {
  const file = await stageOne(run, parts, around);
  return file && trainGenerator(run, parts, file);
}

/** What a training needs besides its recipe. */
interface Surroundings {
  readonly judge: JudgeNetwork | null;
  /** The recipe's folder. */
  readonly folder: string;
}

async function stageOne(
  run: TrainingRun,
  parts: FittedParts,
  { judge, folder }: Surroundings,
): Promise<WeightFile | null> {
  const { tokenizer } = run.recipe;
  if (!tokenizer || tokenizer.kind === 'model') return copyTokenizer(run, parts);
  const source = perceptualSource(tokenizer.loss.perceptual);
  if (typeof source === 'string') {
    return trainTokenizer(run, parts, { section: tokenizer, network: source === 'judge' ? judge : null });
  }
  const options = { image: run.data.image, folder, networks: run.plugins.networks };
  const network = await openPerceptualNetwork(source.network, options);
  try {
    return await trainTokenizer(run, parts, { section: tokenizer, network });
  } finally {
    network.dispose();
  }
}
