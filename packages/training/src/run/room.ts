import type { Writable } from 'node:stream';
import type { Engine } from '@tessera/engine';
import { printable } from '@tessera/errors';
import type { Plugins } from '@tessera/models';
import type { DataSet } from '../data/data-set.ts';
import { jsonLog, type JsonLog } from '../report/json-log.ts';
import { showProgress, type Progress } from '@tessera/progress';
import type { LoadedRecipe } from '../recipe/read-recipe.ts';
import type { Recipe } from '../recipe/recipe.ts';
import type { Cadence } from '../trainer/stage.ts';
import type { StageRun } from '../trainer/run-stage.ts';
import type { MadeOf } from '../trainer/made-of.ts';
import { digestsOf, type DataDigests } from './stage-ingredients.ts';

/** What a run of a recipe needs. */
export interface RunRequest {
  readonly loaded: LoadedRecipe;
  readonly engine: Engine;
  /** Besides Tessera's own. */
  readonly plugins?: Partial<Plugins>;
  /** Where everything is written: checkpoints, log, pictures, the model. */
  readonly out: string;
  /** Progress goes here: a bar on a terminal, lines now and then elsewhere. */
  readonly stream: Writable & { isTTY?: boolean; columns?: number };
  readonly signal: AbortSignal;
}

/** A run with its data open. */
export interface Room extends RunRequest {
  readonly recipe: Recipe;
  readonly data: DataSet;
  readonly digests: DataDigests;
  readonly log: JsonLog;
  readonly progress: (label: string) => (total: number) => Progress;
  /** Tells a person something that no figure shows, in a sentence. */
  readonly note: (sentence: string) => void;
}

export async function openRoom(request: RunRequest, data: DataSet): Promise<Room> {
  return {
    ...request,
    recipe: request.loaded.recipe,
    data,
    digests: await digestsOf(data),
    log: jsonLog(`${request.out}/log.jsonl`),
    progress: (label) => (total) => showProgress(label, { total, out: request.stream }),
    note: (sentence) => void request.stream.write(`Note: ${printable(sentence)}\n`),
  };
}

/** How a stage runs in this room. */
export function stageRun(
  { out, log, signal, progress }: Room,
  { name, every, madeOf }: { name: string; every: Cadence; madeOf: MadeOf },
): StageRun {
  return { folder: out, madeOf, cadence: every, log, progress: progress(name), signal };
}
