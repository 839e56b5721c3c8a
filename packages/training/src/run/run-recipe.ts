import { TesseraError } from '@tessera/errors';
import { openData } from '../data/open-data.ts';
import { runAr, type TrainedModel } from './ar-run.ts';
import { writeCard } from './card.ts';
import { drawCurves } from './curves.ts';
import { evaluateRun } from './evaluate-run.ts';
import { runJudge, type OpenedJudge } from './judge-run.ts';
import { partsOf } from './parts.ts';
import { openRoom, type Room, type RunRequest } from './room.ts';
import { runVq } from './vq-run.ts';

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
 * Runs a recipe from data to an evaluated model folder: judge, tokenizer, tokens, transformer, evaluation. Everything is
 * kept in `out`, and a run that was interrupted, by the signal or by a crash, goes on from its last checkpoint with the
 * same losses.
 * @throws TesseraError of data, recipe and parts
 */
export async function runRecipe(request: RunRequest): Promise<RunResult> {
  const { loaded, signal } = request;
  const { recipe, folder } = loaded;
  const data = await openData(recipe.data, { folder, seed: recipe.seed });
  const room = openRoom(request, data);
  const judge = await runJudge(room);
  try {
    if (signal.aborted) return STOPPED;
    if (!recipe.model) return { finished: true, model: null, metrics: {} };
    const trained = await runModel(room, judge);
    await drawCurves(room);
    if (!trained) return STOPPED;
    const metrics = judge ? await evaluateRun(room, { judge, trained }) : {};
    if (judge) await writeCard(room, { trained, judge, metrics });
    return { finished: true, model: trained.folder, metrics };
  } finally {
    judge?.dispose();
  }
}

async function runModel(room: Room, judge: OpenedJudge | null): Promise<TrainedModel | null> {
  const { recipe } = room;
  const who = recipe.name;
  if (!recipe.vq || !recipe.ar) {
    const got = `a model without the stage ${recipe.vq ? 'ar' : 'vq'}`;
    throw new TesseraError({ code: 'recipe-incomplete', who, got, expected: 'both stages, vq and ar' });
  }
  const parts = partsOf(recipe.model!, who);
  if (recipe.vq.loss.perceptual > 0 && !judge) {
    const got = 'a perceptual term without a judge to look through';
    throw new TesseraError({
      code: 'recipe-incomplete',
      who,
      got,
      expected: 'a judge',
      next: 'Add judge to the recipe.',
    });
  }
  const network = recipe.vq.loss.perceptual > 0 ? judge!.judge.maps : null;
  const opened = await runVq(room, { config: parts.vqConfig, network });
  if (!opened) return null;
  try {
    return await runAr(room, parts, opened);
  } finally {
    opened.dispose();
  }
}
