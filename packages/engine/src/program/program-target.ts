import type { LoweredModel } from '../lowered-model.ts';
import type { Numbers } from '../numbers.ts';
import type { Fused, Graph, TypedArray } from '../trace/graph.ts';

export interface BuildOptions {
  /** For errors. */
  readonly name: string;
  /** Whether a run's memory stays with the program (by default) or is given back. */
  readonly memory?: 'keep' | 'release' | undefined;
}

/** A lowered graph that can be run. */
export interface BuiltProgram {
  /** Feeds in the order of the model's inputs; results in the order of its outputs. */
  run(feeds: readonly Numbers[]): Promise<readonly TypedArray[]>;
  /** True if a run with these feeds compiles first: its time is then no measure of later ones. */
  compilesFor?(feeds: readonly Numbers[]): boolean;
  release(): Promise<void>;
}

/** What a target does for compiled programs. It takes the models that it has lowered itself. */
export interface ProgramTarget {
  /** Fused ops that it runs in one piece, by name: without it, all. */
  whole?(fused: Fused): boolean;
  lower(graph: Graph): LoweredModel;
  build(model: LoweredModel, options: BuildOptions): Promise<BuiltProgram>;
}
