import type { Tree } from './program/tree.ts';
import type { Batch, Slots, TrainStepSpec } from './train/spec.ts';
import type { DType, Fused, Graph, TypedArray } from './trace/graph.ts';

/*
 * What the engine asks of a target. A target that runs graphs implements the verbs of `GraphTarget`, and `graphTarget`
 * makes programs and training steps of them; one that runs functions in another way implements `Target` itself.
 */

/** Where programs run. The engine knows none by name: each is a package of its own. */
export interface Target {
  readonly name: string;
  /** Whether memory is its device: reading and feeding numbers costs a copy at most. */
  readonly inMemory: boolean;
  /** Makes a program of a function; nothing is built before its first call. */
  program(fn: TargetFunction): TargetProgram;
  /** The target's part of a training step; absent where it does not train. */
  step?(spec: TrainStepSpec): StepBackend;
}

/** A function to run, as `Engine.compile` takes it. */
export interface TargetFunction {
  /** For errors. */
  readonly name: string;
  readonly fn: (args: readonly Tree[]) => Tree;
  /** See `CompileOptions`. */
  readonly axes?: readonly string[] | undefined;
  readonly memory?: 'keep' | 'release' | undefined;
}

export interface TargetProgram {
  /** Arguments are read before the first await: the caller may dispose them at once. */
  call(args: readonly Tree[]): Promise<Tree>;
  /** Null for a target that compiles nothing. */
  profile(): ProgramProfile | null;
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

/** The verbs of a target that runs graphs. */
export interface GraphTarget {
  readonly name: string;
  /** The device that its programs compute on: they take numbers of this device as they are, and upload all others. */
  readonly device: Device;
  /** Whether it runs a fused op in one piece. Of the others the parts are recorded. */
  whole(fused: Fused): boolean;
  /** Writes a graph in the target's own nodes. */
  lower(graph: Graph): LoweredModel;
  /** Makes a program of a graph that it has lowered. */
  build(model: LoweredModel, options: BuildOptions): Promise<BuiltProgram>;
  /** Brings numbers to the device. They stay as they are until they are released there. */
  upload(numbers: Numbers): Promise<DeviceNumbers>;
  /** Absent where it does not train. */
  readonly training?: GraphTraining;
}

/** Programs of training steps: their shapes are fixed, and the weights are feeds. */
export interface GraphTraining {
  whole(fused: Fused): boolean;
  build(graph: Graph, name: string): Promise<BuiltProgram>;
  /** Whether a run can write results to numbers that it is given (`into`): state then lies in two sets that take turns. */
  readonly writesInto: boolean;
}

/** Where programs compute. The same object for all targets that take each other's numbers. */
export interface Device {
  /** For errors. */
  readonly name: string;
  /** See `Target.inMemory`. */
  readonly inMemory: boolean;
}

/** Numbers in memory, as they go into a run. */
export interface Numbers {
  readonly data: TypedArray | BigInt64Array;
  readonly dtype: DType | 'int64';
  readonly shape: readonly number[];
}

/** Numbers on a device. Their other fields are known only to the targets of that device. */
export interface DeviceNumbers {
  readonly device: Device;
  /** Downloads them; a device that is main memory lends them without a copy. */
  read(): Promise<TypedArray>;
  /** The same at once. @throws TesseraError `device-read` on a device that answers later */
  readSync(): TypedArray;
  /** Called once, when they are no longer needed. */
  release(): void;
}

export interface BuildOptions {
  /** For errors. */
  readonly name: string;
  /** Whether a run's memory stays with the program (by default) or is released. */
  readonly memory?: 'keep' | 'release' | undefined;
}

/** A graph that can be run. */
export interface BuiltProgram {
  /**
   * Feeds in the order of the model's inputs; results in the order of its outputs, which may lie in the same numbers where two
   * are equal. Results with numbers in `into` are written there (see `GraphTraining.writesInto`).
   */
  run(feeds: readonly DeviceNumbers[], into?: readonly (DeviceNumbers | null)[]): Promise<readonly DeviceNumbers[]>;
  /** True if a run with feeds of these shapes compiles first: its time is then no measure of later ones. */
  compilesFor?(feeds: readonly DeviceNumbers[]): boolean;
  release(): Promise<void> | void;
}

/**
 * A traced graph as nodes of a target. Names follow the program's order, so that two traces of one function can be
 * compared.
 */
export interface LoweredModel<A = unknown> {
  readonly nodes: readonly LoweredNode<A>[];
  readonly constants: ReadonlyMap<string, LoweredConstant>;
  readonly weights: readonly LoweredWeight[];
  readonly inputs: readonly Port[];
  /** One per result of the graph, in order; equal values appear twice. */
  readonly outputs: readonly Port[];
}

export type ElementType = DType | 'int64';

/** `A` is what a target's attributes look like. */
export interface LoweredNode<A = unknown> {
  readonly op: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attrs: Readonly<Record<string, A>>;
  /** Absent for the target's own operators. */
  readonly domain?: string;
}

/** A constant of the program. `shape` marks vectors of sizes and positions, which may become slots. */
export interface LoweredConstant {
  readonly name: string;
  readonly kind: 'shape' | 'data';
  readonly dtype: ElementType;
  readonly dims: readonly number[];
  readonly data: TypedArray | BigInt64Array;
}

/** A graph input or output. Strings are dims that vary; without `dims` nothing is promised. */
export interface Port {
  readonly name: string;
  readonly dtype: ElementType;
  readonly dims?: readonly (number | string)[];
}

/** A weight: `storedEntry(dataId)` says where its numbers lie. */
export interface LoweredWeight {
  readonly name: string;
  readonly dtype: DType;
  readonly dims: readonly number[];
  readonly dataId: object;
}

/** What a target does for a training step; `createTrainStep` does the rest. Calls never overlap. */
export interface StepBackend {
  /** Milliseconds spent on tracing and compiling so far. */
  readonly compiling: number;
  propose(request: ProposalRequest): Promise<Proposal>;
  evaluate(batch: Batch, key: Int32Array): Promise<Measured>;
  /** Copies of the current state, in the order of the parameters. */
  read(): Promise<readonly Slots<Float32Array>[]>;
  /** Replaces the state; sizes have been checked. */
  write(slots: readonly Slots<Float32Array>[]): Promise<void>;
  sync(which: 'params' | 'ema'): Promise<void>;
  dispose(): Promise<void>;
}

export interface ProposalRequest {
  readonly batches: readonly Batch[];
  /** Two words of randomness per batch. */
  readonly keys: readonly Int32Array[];
  /** See `adamwScalars`. */
  readonly scalars: Float32Array;
}

/** A step that has been computed but not taken. */
export interface Proposal {
  /** One per batch. */
  readonly measured: readonly Measured[];
  readonly gradNorm: number;
  /** Makes the new state the current one. */
  accept(): void;
  /** Leaves the state as it was. */
  reject(): void;
}

/** The numbers of one loss. */
export interface Measured {
  readonly loss: number;
  readonly aux: Readonly<Record<string, Float32Array | Int32Array>>;
}
