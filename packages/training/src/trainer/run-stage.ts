import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { TrainHyper, TrainResult } from '@tessera/engine';
import type { JsonLog } from '../report/json-log.ts';
import { duration, type Progress } from '@tessera/progress';
import { loadCheckpoint, saveCheckpoint, type State } from './checkpoint.ts';
import type { MadeOf } from './made-of.ts';
import type { Cadence, Figures, Stage } from './stage.ts';

export interface StageRun {
  /** Where checkpoints lie. */
  readonly folder: string;
  /** All that decides the losses; a checkpoint of anything else is refused. */
  readonly madeOf: MadeOf;
  readonly cadence: Cadence;
  readonly log: JsonLog;
  readonly progress: (total: number) => Progress;
  /** Aborting saves a checkpoint after the step in progress. */
  readonly signal: AbortSignal;
}

export interface StageResult {
  /** False if the signal stopped it: run it again to go on. */
  readonly finished: boolean;
  readonly step: number;
  /** Time spent in steps, over all runs. */
  readonly seconds: number;
}

const MEMORY = 'memory.';

/**
 * Trains one stage, from its checkpoint if there is one. Interrupting and going on gives the same losses as never
 * stopping: every step is a function of the parameters and of its own number.
 * @throws TesseraError `recipe-changed`, `data-changed`, and what the train step throws (`loss-not-finite`)
 */
export async function runStage(stage: Stage, run: StageRun): Promise<StageResult> {
  const path = checkpointPath(run.folder, stage.name);
  const from = await resume(stage, path, run.madeOf);
  let { step, seconds } = from;
  let compiling = 0;
  await run.log.rewind(stage.name, step);
  const progress = run.progress(stage.steps);
  const save = async () => saveCheckpoint(path, { step, seconds, madeOf: run.madeOf, state: await stateOf(stage) });
  if (step < stage.steps)
    progress.begin(
      `${from.step > 0 ? `from step ${from.step} of` : ''} ${stage.steps} steps; compiling the step`.trim(),
    );
  while (step < stage.steps && !run.signal.aborted) {
    const start = performance.now();
    const hyper = stage.hyper(step);
    const result = await oneStep(stage, step, hyper);
    await stage.after?.(step, result);
    seconds += (performance.now() - start) / 1000;
    compiling += result.compiling / 1000;
    step++;
    await report(stage, run, { step: step - 1, hyper, result, seconds, compiling }).catch(async (error: unknown) => {
      // A picture that cannot be drawn costs no steps; where the disk is full, the first error is the one to tell.
      await save().catch(() => undefined);
      throw error;
    });
    progress.update(step, noteOf(result));
    if (step < stage.steps && due(step, run.cadence.checkpoint)) await save();
    await nextTurn(); // an interrupt arrives here, whatever the runtime blocks
  }
  progress.end();
  if (step !== from.step) await save();
  return { finished: step >= stage.steps, step, seconds };
}

export function checkpointPath(folder: string, stage: string): string {
  return join(folder, `${stage}.checkpoint.safetensors`);
}

async function resume(stage: Stage, path: string, madeOf: MadeOf): Promise<{ step: number; seconds: number }> {
  const checkpoint = await loadCheckpoint(path, madeOf);
  if (!checkpoint) {
    await stage.start?.();
    return { step: 0, seconds: 0 };
  }
  const entries = [...checkpoint.state];
  const own = entries.filter(([name]) => name.startsWith(MEMORY));
  await stage.trainStep.load(new Map(entries.filter(([name]) => !name.startsWith(MEMORY))));
  stage.memory?.load(new Map(own.map(([name, value]) => [name.slice(MEMORY.length), value])));
  return checkpoint;
}

async function stateOf(stage: Stage): Promise<State> {
  const own = [...(stage.memory?.save() ?? [])].map(([name, value]) => [MEMORY + name, value] as const);
  return new Map([...(await stage.trainStep.state()), ...own]);
}

async function oneStep(stage: Stage, step: number, hyper: TrainHyper): Promise<TrainResult> {
  const batches = await stage.batches(step);
  try {
    return await stage.trainStep.run(batches, hyper);
  } finally {
    for (const batch of batches) for (const tensor of Object.values(batch)) tensor.dispose();
  }
}

function noteOf({ loss, compiling }: TrainResult): string {
  return `loss ${loss.toFixed(4)}${compiling >= 1000 ? `, compiled in ${duration(compiling / 1000)}` : ''}`;
}

interface Done {
  readonly step: number;
  readonly hyper: TrainHyper;
  readonly result: TrainResult;
  readonly seconds: number;
  /** Seconds of this run in which steps were traced and compiled. */
  readonly compiling: number;
}

async function report(stage: Stage, { cadence, log }: StageRun, done: Done): Promise<void> {
  const { step, hyper, result, seconds, compiling } = done;
  const last = step + 1 === stage.steps;
  const figures: Record<string, Figures[string]> = {};
  if (last || due(step + 1, cadence.log)) {
    const { loss, gradNorm } = result;
    const { learningRate } = hyper;
    Object.assign(figures, { loss, gradNorm, learningRate, seconds, compiling }, stage.figures?.(result));
  }
  if (stage.validate && (last || due(step + 1, cadence.validate))) Object.assign(figures, await stage.validate());
  if (Object.keys(figures).length > 0) await log.write({ stage: stage.name, step, ...figures });
  if (stage.picture && (last || due(step + 1, cadence.picture))) await stage.picture(step);
}

function due(done: number, every: number): boolean {
  return every > 0 && done % every === 0;
}
