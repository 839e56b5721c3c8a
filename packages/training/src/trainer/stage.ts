import type { Tensor } from '@tensorflow/tfjs';
import type { TrainHyper, TrainResult, TrainStep, TrainStepSpec } from '@tessera/engine';
import type { State } from './checkpoint.ts';

export type Batch = Readonly<Record<string, Tensor>>;

/** Figures of one step or one validation, by name. */
export type Figures = Readonly<Record<string, number | readonly number[]>>;

/** One training from its first step to its last. Everything is a function of the step number, so that it can resume. */
export interface Stage {
  readonly name: string;
  /** Optimiser steps in all. */
  readonly steps: number;
  readonly trainStep: TrainStep;
  /** What the train step was compiled from. */
  readonly spec: Pick<TrainStepSpec, 'params' | 'loss'>;
  /** Compiled programs that its batches take, each with activations of its own; 1 if left out. */
  readonly programs?: number;
  hyper(step: number): TrainHyper;
  /** Runs before the first step of a training that does not resume: starting the codebook from data, say. */
  start?(): Promise<void>;
  /** The batches of one optimiser step; more than one are accumulated. The loop disposes them. */
  batches(step: number): Promise<readonly Batch[]>;
  /** Runs after every step: reviving codes, say. */
  after?(step: number, result: TrainResult): Promise<void>;
  /** What the log says about a step beyond loss, gradient norm and learning rate. */
  figures?(result: TrainResult): Figures;
  validate?(): Promise<Figures>;
  /** Draws what the model makes now. */
  picture?(step: number): Promise<void>;
  /** Counters of the stage itself that must survive an interruption. */
  readonly memory?: { save(): State; load(state: State): void };
}

/** How often, in steps; 0 for never. */
export interface Cadence {
  readonly log: number;
  readonly validate: number;
  readonly picture: number;
  readonly checkpoint: number;
}
