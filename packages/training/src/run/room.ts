import type { Writable } from 'node:stream';
import type { Engine } from '@tessera/engine';
import type { Plugins } from '@tessera/models';
import type { DataSet } from '../data/data-set.ts';
import { jsonLog, type JsonLog } from '../report/json-log.ts';
import { showProgress, type Progress } from '../report/progress.ts';
import type { LoadedRecipe } from '../recipe/read-recipe.ts';
import type { Recipe } from '../recipe/recipe.ts';
import type { Cadence } from '../trainer/stage.ts';
import type { StageRun } from '../trainer/run-stage.ts';
import { fingerprint } from './weight-file.ts';

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
  readonly log: JsonLog;
  readonly progress: (label: string) => (total: number) => Progress;
}

export function openRoom(request: RunRequest, data: DataSet): Room {
  return {
    ...request,
    recipe: request.loaded.recipe,
    data,
    log: jsonLog(`${request.out}/log.jsonl`),
    progress: (label) => (total) => showProgress(label, { total, out: request.stream }),
  };
}

/**
 * How a stage runs in this room. `decides` is all that the stage's losses depend on besides seed and data; what only
 * says how often to look is left out, so that it may change between runs.
 */
export function stageRun(
  { recipe, out, log, signal, progress }: Room,
  { name, every, decides }: { name: string; every: Cadence; decides: readonly unknown[] },
): StageRun {
  const { seed, data } = recipe;
  return {
    folder: out,
    fingerprint: fingerprint(name, seed, data, ...decides),
    cadence: every,
    log,
    progress: progress(name),
    signal,
  };
}

/** A stage's recipe without its habits of logging. */
export function deciding(recipe: { readonly every: unknown }): object {
  return Object.fromEntries(Object.entries(recipe).filter(([name]) => name !== 'every'));
}

/** Whether training sees mirrored images too. */
export function flipsOf({ data }: Recipe): boolean {
  return data.kind === 'folder' && data.flips;
}
