import type { Tensor } from '@tensorflow/tfjs';
import type { TargetChoice } from './target.ts';
import type { TargetName } from './target-name.ts';
import type { TrainStep, TrainStepSpec } from './train/train-step.ts';

/** Tensors, and lists and records of them. Numbers are refused: a number closed over would be baked in. */
export type Tree = Tensor | null | readonly Tree[] | { readonly [key: string]: Tree };

export interface CompileOptions {
  /** For errors and profiles: `var.block`. */
  readonly name: string;
  /**
   * One string per tensor argument, in the order in which the arguments' tensors are met: axis names separated by blanks,
   * a dot for an axis of fixed size: `['R l .', 'R .']`. Equal names must have equal sizes, which each call checks.
   * An axis may also be a sum: `P+l` after P and l, `2R`.
   * Named axes may differ from call to call without another compilation; without `axes` every shape compiles anew.
   */
  readonly axes?: readonly string[];
  /**
   * What becomes of the memory that a call computes in. `keep`, the default: the program keeps it for its next call.
   * `release`: it goes back to the system, at the price of touching new pages each time; for a program that runs
   * seldom and computes in much.
   */
  readonly memory?: 'keep' | 'release';
}

/** The compiled function. Arguments are borrowed; results are ordinary tfjs tensors that the caller disposes. */
export interface Program<A extends readonly Tree[], R extends Tree> {
  (...args: A): Promise<R>;
  dispose(): void;
}

/** What a program has done so far. Times are milliseconds. */
export interface ProgramProfile {
  readonly name: string;
  readonly calls: number;
  /** Shapes of arguments that it knows at present, and sessions that serve them. */
  readonly shapes: number;
  readonly sessions: number;
  /** Why a program with named axes needed a session for one shape alone, by the last such call; null where none did. */
  readonly alone: string | null;
  readonly tracing: number;
  readonly building: number;
  readonly running: number;
}

/** One target with its sessions. Parts receive it; nothing is ambient. */
export interface Engine {
  readonly target: TargetName;
  /** One line for health pages: which target and why. */
  readonly why: string;
  /** Where training steps run, and why. */
  readonly training: TargetChoice;
  compile<A extends readonly Tree[], R extends Tree>(fn: (...args: A) => R, options: CompileOptions): Program<A, R>;
  compileTrainStep(spec: TrainStepSpec): TrainStep;
  /** One entry per compiled program that is alive, in the order of their making; none for the targets eager and tensorflow-eager. */
  profile(): readonly ProgramProfile[];
  /** Releases every session made by this engine. */
  dispose(): void;
}
