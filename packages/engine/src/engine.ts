import * as tf from '@tensorflow/tfjs';
import type { Tensor } from '@tensorflow/tfjs';
import { TesseraError } from '@tessera/errors';
import { Axes } from './program/axes.ts';
import { flatten, unflatten, type Tree } from './program/tree.ts';
import type { ProgramProfile, StepBackend, Target, TargetFunction, TargetProgram } from './target.ts';
import {
  DeviceGrowing,
  Growing,
  MemoryGrowing,
  type GrowingSpec,
  type GrowingTensors,
  type Join,
} from './tensors/growing.ts';
import { shareTensor } from './tensors/tensors.ts';
import type { TrainStep, TrainStepSpec } from './train/spec.ts';
import { createTrainStep } from './train/train-step.ts';

/**
 * How linear layers of a model are multiplied: in float32, or with weights and activations in 8 bits, which is faster and
 * less exact.
 */
export type Precision = (typeof PRECISIONS)[number];

export const PRECISIONS = ['float32', 'int8'] as const;

/** A precision, or `auto`: each model's own choice of the faster one. */
export type PrecisionChoice = (typeof PRECISION_CHOICES)[number];

export const PRECISION_CHOICES = [...PRECISIONS, 'auto'] as const;

/** Programs and training steps on a target. Parts receive it as an argument; there is no global engine. */
export interface Engine {
  /** The name of the target of programs. */
  readonly target: string;
  /** One line for health pages: which target and why. */
  readonly why: string;
  /** For models that are opened with this engine; null leaves the choice to each model. Training is always in float32. */
  readonly precision: PrecisionChoice | null;
  /** Where training steps run, and why. */
  readonly training: TargetChoice;
  compile<A extends readonly Tree[], R extends Tree>(fn: (...args: A) => R, options: CompileOptions): Program<A, R>;
  compileTrainStep(spec: TrainStepSpec): TrainStep;
  /** Tensors to which programs' results are appended, where the target computes: caches. The caller releases them. */
  growing(spec: GrowingSpec): GrowingTensors;
  /**
   * One entry per compiled program that is alive, in the order in which they were made; none before the target is
   * loaded, and none for targets that compile nothing.
   */
  profile(): readonly ProgramProfile[];
  /** Releases every session made by this engine. */
  dispose(): void;
}

export interface TargetChoice {
  readonly target: string;
  /** One line for health pages. */
  readonly why: string;
}

export interface CompileOptions {
  /** For errors and profiles: `var.block`. */
  readonly name: string;
  /**
   * One string per tensor argument, in the order of the arguments' tensors: axis names separated by spaces,
   * a dot for an axis of fixed size: `['R l .', 'R .']`. Equal names must have equal sizes, which each call checks.
   * An axis may also be a sum: `P+l` after P and l, `2R`.
   * Named axes may differ from call to call without another compilation; without `axes` every shape is compiled by itself.
   */
  readonly axes?: readonly string[];
  /**
   * What happens to the memory in which a call computes. `keep`, the default: the program keeps it for its next call.
   * `release`: it goes back to the system, at the price of touching new pages each time; for a program that runs
   * rarely and needs much memory.
   */
  readonly memory?: 'keep' | 'release';
}

/**
 * The compiled function. Arguments are borrowed; results are tfjs tensors that the caller disposes. Their numbers stay
 * on the device until they are read: a result that goes into the next program of the same target is not copied.
 */
export interface Program<A extends readonly Tree[], R extends Tree> {
  (...args: A): Promise<R>;
  dispose(): void;
}

/** A target, or a function that loads it when the first program runs. */
export type TargetSource = Target | { readonly name: string; readonly load: () => Promise<Target> };

export interface EngineParts {
  readonly target: TargetSource;
  /** Where training steps run: by default the target of programs. */
  readonly training?: TargetSource;
  /** See `Engine.precision`. */
  readonly precision?: PrecisionChoice | null;
  /** Why these, for health pages. */
  readonly why?: { readonly target: string; readonly training: string };
}

/** Makes an engine of targets. @tessera/targets makes one by the names of targets. */
export function makeEngine({ target, training = target, precision = null, why }: EngineParts): Engine {
  tf.enableProdMode(); // otherwise tfjs advertises its native backend on stderr
  const [programTarget, trainingTarget] = [new Loaded(target), new Loaded(training)];
  const [programs, steps] = [new Set<EngineProgram>(), new Set<TrainStep>()];
  const compile = <A extends readonly Tree[], R extends Tree>(
    fn: (...args: A) => R,
    options: CompileOptions,
  ): Program<A, R> => {
    const run = (args: readonly Tree[]): Tree => fn(...(args as unknown as A));
    const program = new EngineProgram({ ...options, fn: run }, programTarget);
    const dispose = own(programs, program);
    return Object.assign((...args: A) => program.call(args) as Promise<R>, { dispose });
  };
  const openGrowing = growingOn(programTarget, compile);
  return {
    target: target.name,
    why: why?.target ?? `${target.name}: given`,
    precision,
    training: { target: training.name, why: why?.training ?? `${training.name}: given` },
    compile,
    compileTrainStep(spec) {
      const step = createTrainStep(spec, async () => stepOf(await trainingTarget.get(), spec));
      return { ...step, dispose: own(steps, step) };
    },
    growing: (spec) => new Growing(spec, () => openGrowing(spec)),
    profile: () => [...programs].map((program) => program.profile()).filter((profile) => profile !== null),
    dispose: () => {
      for (const resource of [...steps, ...programs]) resource.dispose();
      steps.clear();
      programs.clear();
    },
  };
}

/** Adds to what the engine disposes at its end; gives what disposes it before. */
function own<T extends { dispose(): void }>(resources: Set<T>, resource: T): () => void {
  resources.add(resource);
  return () => {
    resources.delete(resource);
    resource.dispose();
  };
}

/** Opens growing tensors in memory or on the device. Those of one form share a program. */
function growingOn(target: Loaded, compile: Engine['compile']): (spec: GrowingSpec) => Promise<GrowingTensors> {
  const joins = new Map<string, Join>();
  return async (spec) => {
    if ((await target.get()).inMemory) return new MemoryGrowing(spec);
    const key = `${spec.count} ${spec.shape}`;
    if (!joins.has(key)) joins.set(key, compileJoin(compile, spec));
    return new DeviceGrowing(joins.get(key)!);
  };
}

/** A program that joins tensors where they lie. */
function compileJoin(compile: Engine['compile'], { count, shape }: GrowingSpec): Join {
  const axes = (name: string) => Array.from({ length: count }, () => [name, ...shape.map(() => '.')].join(' '));
  const join = (grown: readonly Tensor[], added: readonly Tensor[]) =>
    grown.map((tensor, i) => tf.concat([tensor, added[i]!], 0));
  return compile(join, { name: 'growing', axes: [...axes('P'), ...axes('l')] });
}

function stepOf(target: Target, spec: TrainStepSpec): StepBackend {
  if (target.step) return target.step(spec);
  throw new TesseraError({
    code: 'target-cannot-train',
    who: spec.name,
    got: `a training step on the target '${target.name}'`,
    expected: 'a target that trains',
  });
}

/** A target that is loaded once. */
class Loaded {
  readonly #source: TargetSource;
  #loading: Promise<Target> | null = null;
  /** Null until it has been loaded. */
  target: Target | null = null;

  constructor(source: TargetSource) {
    this.#source = source;
    if (!('load' in source)) this.target = source;
  }

  async get(): Promise<Target> {
    if (this.target) return this.target;
    this.#loading ??= 'load' in this.#source ? this.#source.load() : Promise.resolve(this.#source);
    this.target = await this.#loading;
    return this.target;
  }
}

/** A program whose target may still have to be loaded. */
class EngineProgram {
  readonly #fn: TargetFunction;
  readonly #target: Loaded;
  #program: TargetProgram | null = null;
  #isDisposed = false;

  constructor(fn: TargetFunction, target: Loaded) {
    this.#fn = fn;
    this.#target = target;
    if (fn.axes) new Axes(fn.axes, fn.name); // reports wrong axes at once
  }

  async call(args: readonly Tree[]): Promise<Tree> {
    if (this.#program || this.#target.target) return this.#made(this.#target.target!).call(args);
    // The caller may dispose the arguments before the target is loaded.
    const { tensors, skeleton } = flatten(args, this.#fn.name);
    const shared = tensors.map((tensor) => shareTensor(tensor, this.#fn.name));
    try {
      const program = this.#made(await this.#target.get());
      return await program.call(unflatten(skeleton, shared) as readonly Tree[]);
    } finally {
      tf.dispose(shared);
    }
  }

  #made(target: Target): TargetProgram {
    this.#program ??= target.program(this.#fn);
    if (this.#isDisposed) this.#program.dispose();
    return this.#program;
  }

  profile(): ProgramProfile | null {
    const { target } = this.#target;
    return target && this.#made(target).profile();
  }

  dispose(): void {
    this.#isDisposed = true;
    this.#program?.dispose();
  }
}
