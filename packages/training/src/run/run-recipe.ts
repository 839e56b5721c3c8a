import { TesseraError } from '@tessera/errors';
import type { Recipe } from '../recipe/recipe.ts';
import { tryBuilding } from './build-trained.ts';
import { writeCard } from './card.ts';
import { drawCurves } from './curves.ts';
import { evaluateRun } from './evaluate-run.ts';
import { runGenerator, type TrainedModel } from './generator-run.ts';
import { runJudge, type OpenedJudge } from './judge-run.ts';
import { checkDefaults } from './manifest-of.ts';
import { partsOf, type RecipeParts } from './parts.ts';
import { openRecipeData } from './recipe-data.ts';
import { openRoom, type Room, type RunRequest } from './room.ts';
import { findTokenizer, takeTokenizer } from './take-tokenizer.ts';
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
 * same losses.
 * @throws TesseraError of data, recipe and parts
 */
export async function runRecipe(request: RunRequest): Promise<RunResult> {
  const { loaded, signal } = request;
  const { recipe } = loaded;
  const data = await openRecipeData(loaded);
  const parts = recipe.model && partsOf(recipe, request.plugins);
  if (parts) {
    checkDefaults(recipe, parts, data);
    tryBuilding(request.engine, parts);
  }
  const taken = recipe.tokenizer?.kind === 'model' ? recipe.tokenizer : null;
  if (parts && taken) await findTokenizer(parts, { ...request, taken });
  const room = openRoom(request, data);
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

async function runModel(room: Room, parts: RecipeParts, judge: OpenedJudge | null): Promise<TrainedModel | null> {
  const { recipe } = room;
  const who = recipe.name;
  const { tokenizer, generator } = recipe;
  if (!tokenizer || !generator) {
    const got = `a model without the stage ${tokenizer ? 'generator' : 'tokenizer'}`;
    throw new TesseraError({ code: 'recipe-incomplete', who, got, expected: 'both stages, tokenizer and generator' });
  }
  const file = await firstStage(room, parts, { tokenizer, judge });
  return file && runGenerator(room, parts, file);
}

interface FirstStage {
  readonly tokenizer: NonNullable<Recipe['tokenizer']>;
  readonly judge: OpenedJudge | null;
}

async function firstStage(room: Room, parts: RecipeParts, { tokenizer, judge }: FirstStage) {
  if (tokenizer.kind === 'model') return takeTokenizer(room, parts, tokenizer);
  const looks = tokenizer.loss.perceptual > 0;
  if (looks && !judge) {
    throw new TesseraError({
      code: 'recipe-incomplete',
      who: room.recipe.name,
      got: 'a perceptual term without a judge to look through',
      expected: 'a judge',
      next: 'Add judge to the recipe.',
    });
  }
  return runTokenizer(room, parts, { own: tokenizer, network: looks ? judge!.judge.maps : null });
}
