import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Tensor } from '@tensorflow/tfjs';
import type { TrainHyper, TrainResult, TrainStep, TrainStepSpec } from '@tessera/engine';
import { duration, type Progress } from '@tessera/progress';
import type { JsonLog } from '../report/training-log.ts';
import { loadCheckpoint, type Provenance, saveCheckpoint, type State } from './checkpoint.ts';
import type { Cadence } from './optimiser.ts';
import { openPace } from './pace.ts';

export type Batch = Readonly<Record<string, Tensor>>;

/** Figures of one step or one validation, by name. */
export type Figures = Readonly<Record<string, number | readonly number[]>>;

/**
 * One training from its first step to its last. Everything is a function of the parameters and the step number, so that it
 * can resume. The loop is `runStage`.
 */
export interface Stage {
  readonly name: string;
  /** Optimiser steps in all. */
  readonly steps: number;
  readonly trainStep: TrainStep;
  /** What the train step was compiled from. */
  readonly spec: Pick<TrainStepSpec, 'params' | 'loss'>;
  /** Number of compiled programs that its batches need, each with activations of its own. Left out: 1. */
  readonly programs?: number;
  hyper(step: number): TrainHyper;
  /** Runs before the first step of a new training, not of a resumed one. For example, it starts the codebook from data. */
  start?(): Promise<void>;
  /** The batches of one optimiser step. Gradients of several batches are accumulated. The loop disposes them. */
  batches(step: number): Promise<readonly Batch[]>;
  /** Runs after every step. For example, it revives dead codes. */
  after?(step: number, result: TrainResult): Promise<void>;
  /** What is logged of a step besides loss, gradient norm and learning rate. */
  figures?(result: TrainResult): Figures;
  validate?(): Promise<Figures>;
  /** Draws the output of the current parameters. */
  picture?(step: number): Promise<void>;
  /** Counters of the stage itself, kept in checkpoints. */
  readonly memory?: { save(): State; load(state: State): void };
}

interface StageRun {
  /** The folder of checkpoints. */
  readonly folder: string;
  /** Everything that the losses depend on. A checkpoint with another provenance is refused. */
  readonly provenance: Provenance;
  readonly cadence: Cadence;
  readonly log: JsonLog;
  readonly progress: (total: number) => Progress;
  /** Aborting saves a checkpoint after the step in progress. */
  readonly signal: AbortSignal;
  /** Called when there is more to see: a validation, a picture, or the last step. */
  readonly shown?: () => Promise<void>;
}

interface StageResult {
  /** False if the signal stopped it. The same call then continues. */
  readonly finished: boolean;
  readonly step: number;
  /** Time spent in steps, of all runs together. */
  readonly seconds: number;
}

const MEMORY = 'memory.';

/**
 * Trains one stage, from its checkpoint if there is one. An interrupted and continued training has the same losses as an
 * uninterrupted one.
 * @throws TesseraError `recipe-changed`, `data-changed`, and what the train step throws (`loss-not-finite`)
 */
export async function runStage(stage: Stage, run: StageRun): Promise<StageResult> {
  const path = checkpointPath(run.folder, stage.name);
  const from = await resume(stage, path, run.provenance);
  let { step } = from;
  const clock = new StepClock(from.seconds);
  const pace = openPace();
  await run.log.rewind(stage.name, step);
  const progress = run.progress(stage.steps);
  const save = async () =>
    saveCheckpoint(path, { step, seconds: clock.seconds, provenance: run.provenance, state: await stateOf(stage) });
  if (step < stage.steps)
    progress.begin(
      `${from.step > 0 ? `from step ${from.step} of` : ''} ${stage.steps} steps; compiling the step`.trim(),
    );
  while (step < stage.steps && !run.signal.aborted) {
    const start = performance.now();
    const hyper = stage.hyper(step);
    const { result, waited, images } = await oneStep(stage, step, hyper);
    await stage.after?.(step, result);
    const spent = performance.now() - start;
    clock.add({ step: spent, waiting: waited, compiling: result.compiling });
    pace.add(images, (spent - result.compiling) / 1000);
    step++;
    await report(stage, run, { step: step - 1, hyper, result, clock }).catch(async (error: unknown) => {
      // A picture that cannot be drawn must not lose steps. If saving fails too (a full disk), the first error is reported.
      await save().catch(() => undefined);
      throw error;
    });
    progress.update(step, noteOf(result, pace.imagesPerSecond()));
    if (step < stage.steps && due(step, run.cadence.checkpoint)) await save();
    await nextTurn(); // lets an interrupt arrive even if the runtime blocks the thread
  }
  progress.end();
  if (step !== from.step) await save();
  return { finished: step >= stage.steps, step, seconds: clock.seconds };
}

export function checkpointPath(folder: string, stage: string): string {
  return join(folder, `${stage}.checkpoint.safetensors`);
}

async function resume(stage: Stage, path: string, provenance: Provenance): Promise<{ step: number; seconds: number }> {
  const checkpoint = await loadCheckpoint(path, provenance);
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

/** Where the time of the steps goes. */
class StepClock {
  /** In steps, of all runs together. */
  seconds: number;
  #own = 0;
  #waiting = 0;
  #compiling = 0;

  constructor(before: number) {
    this.seconds = before;
  }

  /** Adds a step, in milliseconds. */
  add({ step, waiting, compiling }: { readonly step: number; readonly waiting: number; readonly compiling: number }) {
    this.seconds += step / 1000;
    this.#own += step / 1000;
    this.#waiting += waiting / 1000;
    this.#compiling += compiling / 1000;
  }

  /**
   * `compiling`: seconds that this run traced and compiled. `waiting`: share of its other time in which the step waited for its
   * batch, while images were read and varied.
   */
  figures(): { seconds: number; waiting: number; compiling: number } {
    const waiting = this.#waiting / Math.max(1e-9, this.#own - this.#compiling);
    return { seconds: this.seconds, waiting, compiling: this.#compiling };
  }
}

interface Step {
  readonly result: TrainResult;
  /** Milliseconds until the batch was there. */
  readonly waited: number;
  /** In all its batches. */
  readonly images: number;
}

async function oneStep(stage: Stage, step: number, hyper: TrainHyper): Promise<Step> {
  const start = performance.now();
  const batches = await stage.batches(step);
  const waited = performance.now() - start;
  try {
    // The first tensor of a batch is that of its images.
    const images = batches.reduce((sum, batch) => sum + (Object.values(batch)[0]?.shape[0] ?? 0), 0);
    return { result: await stage.trainStep.run(batches, hyper), waited, images };
  } finally {
    for (const batch of batches) for (const tensor of Object.values(batch)) tensor.dispose();
  }
}

function noteOf({ loss, compiling }: TrainResult, imagesPerSecond: number): string {
  const pace = imagesPerSecond > 0 ? `, ${imagesPerSecond.toPrecision(3)} images/s` : '';
  return `loss ${loss.toFixed(4)}${pace}${compiling >= 1000 ? `, compiled in ${duration(compiling / 1000)}` : ''}`;
}

interface Done {
  readonly step: number;
  readonly hyper: TrainHyper;
  readonly result: TrainResult;
  readonly clock: StepClock;
}

async function report(stage: Stage, { cadence, log, shown }: StageRun, done: Done): Promise<void> {
  const { step, hyper, result, clock } = done;
  const last = step + 1 === stage.steps;
  const figures: Record<string, Figures[string]> = {};
  if (last || due(step + 1, cadence.log)) {
    const { loss, gradNorm } = result;
    const { learningRate } = hyper;
    Object.assign(figures, { loss, gradNorm, learningRate, ...clock.figures() }, stage.figures?.(result));
  }
  if (stage.validate && (last || due(step + 1, cadence.validate))) Object.assign(figures, await stage.validate());
  if (Object.keys(figures).length > 0) await log.write({ stage: stage.name, step, ...figures });
  if (stage.picture && (last || due(step + 1, cadence.picture))) await stage.picture(step);
  if (last || due(step + 1, cadence.validate) || due(step + 1, cadence.picture)) await shown?.();
}

function due(done: number, every: number): boolean {
  return every > 0 && done % every === 0;
}
