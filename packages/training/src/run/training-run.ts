import { join } from 'node:path';
import type { Writable } from 'node:stream';
import type { Engine } from '@tessera/engine';
import { printable } from '@tessera/errors';
import type { Plugins } from '@tessera/models';
import { showProgress } from '@tessera/progress';
import type { DataSet, ShowProgress } from '../data/data-set.ts';
import type { LoadedRecipe, Recipe } from '../recipe/recipe.ts';
import { writeReport } from '../report/report-page.ts';
import { jsonLog, type JsonLog } from '../report/training-log.ts';
import type { Provenance } from '../stage/checkpoint.ts';
import type { Cadence } from '../stage/optimiser.ts';
import { runStage, type Stage } from '../stage/stage.ts';
import { type DataDigests, digestsOf } from './provenance.ts';
import type { StartModel } from './start-model.ts';

export interface RunRequest {
  readonly loaded: LoadedRecipe;
  readonly engine: Engine;
  /** Third-party plug-ins, in addition to Tessera's own. */
  readonly plugins?: Partial<Plugins>;
  /** The folder for everything that is written: checkpoints, log, pictures, the model. */
  readonly out: string;
  /** Shows progress: a bar on a terminal, lines now and then elsewhere. */
  readonly stream: Writable & { isTTY?: boolean; columns?: number };
  /** Aborting stops the run after the step in progress, with a checkpoint. */
  readonly signal: AbortSignal;
}

/** A run of a recipe with its data open. Each function names the fields of it that it needs. */
export interface TrainingRun extends Pick<RunRequest, 'engine' | 'out'> {
  readonly recipe: Recipe;
  readonly plugins: Partial<Plugins>;
  readonly data: DataSet;
  readonly digests: DataDigests;
  /** The model that it starts from; null for new weights. */
  readonly start: StartModel | null;
  readonly log: JsonLog;
  readonly progress: ShowProgress;
  /** Tells the user something in a sentence. */
  readonly note: (sentence: string) => void;
  /** Trains a stage, from its checkpoint if there is one. Returns false if the signal stopped it. */
  readonly train: (
    stage: Stage,
    options: { readonly every: Cadence; readonly provenance: Provenance },
  ) => Promise<boolean>;
}

/** Progress of any work, on a stream. */
export function progressOn(stream: RunRequest['stream']): ShowProgress {
  return (label) => (total) => showProgress(label, { total, out: stream });
}

export async function openRun(
  { loaded: { recipe }, engine, plugins = {}, out, stream, signal }: RunRequest,
  { data, start }: Pick<TrainingRun, 'data' | 'start'>,
): Promise<TrainingRun> {
  const log = jsonLog(join(out, 'log.jsonl'));
  const progress = progressOn(stream);
  return {
    recipe,
    engine,
    plugins,
    out,
    data,
    digests: await digestsOf(data, start),
    start,
    log,
    progress,
    note: (sentence) => void stream.write(`Note: ${printable(sentence)}\n`),
    async train(stage, { every, provenance }) {
      const shown = () => writeReport({ recipe, out, log }, 'running');
      const run = { folder: out, provenance, cadence: every, log, progress: progress(stage.name), signal, shown };
      return (await runStage(stage, run)).finished;
    },
  };
}
