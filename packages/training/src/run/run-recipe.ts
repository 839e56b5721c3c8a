import { writeCard } from './card.ts';
import { drawCurves } from './curves.ts';
import { evaluateRun } from './evaluate-run.ts';
import { fittedParts, type FittedParts } from './fitted-parts.ts';
import { runGenerator, type TrainedModel } from './generator-run.ts';
import { runJudge, type OpenedJudge } from './judge-run.ts';
import { dataRemarks, openRecipeData } from './recipe-data.ts';
import { openRoom, type Room, type RunRequest } from './room.ts';
import { forgetOtherStages, requireGoodCheckpoints } from './stage-ingredients.ts';
import { sweepDrafts } from './sweep-drafts.ts';
import { keepTokenizer } from './take-tokenizer.ts';
import type { TokenizerFile } from './tokenizer-file.ts';
import { runTokenizer } from './tokenizer-run.ts';

export interface RunResult {
  /** False if the signal stopped it; the same call goes on where it stopped. */
  readonly finished: boolean;
  /** The model's folder, once there is one. */
  readonly model: string | null;
  /** Figures of the evaluation, by name. */
  readonly metrics: Readonly<Record<string, number>>;
}

const STOPPED: RunResult = { finished: false, model: null, metrics: {} };

/**
 * Runs a recipe from data to an evaluated model folder: judge, tokenizer, encodings, generator, evaluation. Everything is
 * kept in `out`, and a run that was interrupted, by the signal or by a crash, goes on from its last checkpoint with the
 * same losses, unless recipe or images are no longer those that it began with.
 * @throws TesseraError `recipe-changed`, `data-changed`, and those of data, recipe and parts
 */
export async function runRecipe(request: RunRequest): Promise<RunResult> {
  const { loaded, signal } = request;
  const data = await openRecipeData(loaded);
  const parts = await fittedParts(request, data);
  const room = await openRoom(request, data);
  await requireGoodCheckpoints(room);
  await forgetOtherStages(room);
  await sweepDrafts(room.out);
  if (data.found && Object.keys(data.skipped ?? {}).length > 0) room.note(`${data.found}.`);
  for (const remark of dataRemarks(data)) room.note(remark);
  const judge = await runJudge(room);
  try {
    if (signal.aborted) return STOPPED;
    if (!parts) return { finished: true, model: null, metrics: {} };
    const trained = await runModel(room, parts, judge);
    await drawCurves(room);
    if (!trained) return STOPPED;
    const metrics = judge ? await evaluateRun(room, { judge, trained }) : {};
    if (judge) await writeCard(room, { trained, judge, metrics });
    return { finished: true, model: trained.folder, metrics };
  } finally {
    judge?.dispose();
  }
}

async function runModel(room: Room, parts: FittedParts, judge: OpenedJudge | null): Promise<TrainedModel | null> {
  const file = await firstStage(room, parts, judge);
  return file && runGenerator(room, parts, file);
}

async function firstStage(room: Room, parts: FittedParts, judge: OpenedJudge | null): Promise<TokenizerFile | null> {
  const { tokenizer } = room.recipe;
  if (!tokenizer || tokenizer.kind === 'model') return keepTokenizer(room, parts);
  return runTokenizer(room, parts, { own: tokenizer, judge: tokenizer.loss.perceptual > 0 ? judge : null });
}
