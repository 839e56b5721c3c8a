import { availableParallelism } from 'node:os';
import * as tf from '@tensorflow/tfjs';
import type { Tensor } from '@tensorflow/tfjs';
import { TesseraError } from '@tessera/errors';
import type { CompileOptions, Engine, Program, Tree } from './engine.ts';
import type { TargetName } from './target-name.ts';
import { CompiledProgram } from './program/compiled-program.ts';
import { eagerProgram } from './program/eager-program.ts';
import { onnxTarget } from './onnx/program-target.ts';
import type { OrtTensor } from './onnx/runtime.ts';
import { tensorFlowBackend } from './tensorflow/tfjs-backend.ts';
import { tensorFlowTarget, type TensorFlowOptions, type XlaUse } from './tensorflow/program-target.ts';
import { selectTarget } from './target.ts';
import { createTrainStep } from './train/create-train-step.ts';
import { EagerBackend } from './train/eager-backend.ts';
import { OnnxBackend } from './train/onnx-backend.ts';
import { ParameterStore } from './train/parameter-store.ts';
import type { StepBackend } from './train/step-backend.ts';
import { TensorFlowBackend } from './train/tensorflow-backend.ts';
import type { TrainStep, TrainStepSpec } from './train/train-step.ts';

export interface EngineOptions {
  /** Where programs and training steps run; by default what TESSERA_TARGET says, or the fastest here for each. */
  readonly target?: TargetName;
  /** Threads of one operation: by default one per core. */
  readonly threads?: number;
  /** For the target `tensorflow`: what XLA compiles. By default `auto`: what lies between the products of training steps. */
  readonly xla?: XlaUse;
}

/**
 * Makes an engine. Nothing is loaded before the first program runs.
 * @throws TesseraError `target-unknown`, `threads-invalid`, `xla-invalid`
 */
export function createEngine(options: EngineOptions = {}): Engine {
  const { target, why } = selectTarget({ use: 'inference', asked: options.target });
  const training = selectTarget({ use: 'training', asked: options.target });
  const threads = checkThreads(options.threads ?? availableParallelism());
  tf.enableProdMode(); // else tfjs advertises its native backend on stderr, in the middle of our own output
  const tensorFlow = { threads, xla: checkXla(options.xla ?? 'auto') } as const;
  const eager = eagerBackend(target, threads);
  const programTarget = target === 'tensorflow' ? tensorFlowTarget(tensorFlow) : onnxTarget(threads);
  const steps = new Set<{ dispose(): void }>();
  const programs = new Set<CompiledProgram>();
  const compile = <A extends readonly Tree[], R extends Tree>(
    fn: (...args: A) => R,
    { name, axes, memory }: CompileOptions,
  ): Program<A, R> => {
    if (eager) return eagerProgram(fn, name, eager);
    const program = new CompiledProgram({
      fn: (args) => fn(...(args as unknown as A)),
      name,
      axes,
      memory,
      target: programTarget,
    });
    programs.add(program);
    const dispose = () => {
      programs.delete(program);
      program.dispose();
    };
    return Object.assign((...args: A) => program.call(args) as Promise<R>, { dispose });
  };
  const makeStepBackend = stepBackends(training.target, tensorFlow);
  return {
    target,
    why,
    training,
    compile,
    compileTrainStep: (spec) => adopt(createTrainStep(spec, makeStepBackend(spec)), steps),
    profile: () => [...programs].map((program) => program.profile()),
    dispose: () => {
      for (const resource of [...steps, ...programs]) resource.dispose();
      steps.clear();
      programs.clear();
    },
  };
}

/** The backend of tfjs that an eager target means, found when it is needed; null for the others. */
function eagerBackend(target: TargetName, threads: number): (() => string) | null {
  if (target === 'eager') return () => 'cpu';
  return target === 'tensorflow-eager' ? () => tensorFlowBackend(threads) : null;
}

/** Steps of one engine see each other's parameters: an adversarial pair trains in turns. */
function stepBackends(target: TargetName, options: TensorFlowOptions): (spec: TrainStepSpec) => StepBackend {
  const eager = eagerBackend(target, options.threads);
  if (eager) {
    const store = new ParameterStore<Tensor>();
    return (spec) => new EagerBackend(spec, store, eager);
  }
  if (target === 'tensorflow') {
    const store = new ParameterStore<number>();
    return (spec) => new TensorFlowBackend(spec, store, options);
  }
  const store = new ParameterStore<OrtTensor>();
  return (spec) => new OnnxBackend(spec, store, options.threads);
}

/** A step that leaves the engine's list when it is disposed. */
function adopt(step: TrainStep, steps: Set<{ dispose(): void }>): TrainStep {
  steps.add(step);
  const dispose = () => {
    steps.delete(step);
    step.dispose();
  };
  return { ...step, dispose };
}

function checkThreads(threads: number): number {
  if (Number.isInteger(threads) && threads > 0) return threads;
  throw new TesseraError({
    code: 'threads-invalid',
    who: 'createEngine',
    got: `${threads} threads`,
    expected: 'a whole number above 0',
  });
}

function checkXla(xla: XlaUse): XlaUse {
  if (['auto', 'always', 'never'].includes(xla)) return xla;
  throw new TesseraError({
    code: 'xla-invalid',
    who: 'createEngine',
    got: `xla: '${xla}'`,
    expected: 'auto, always or never',
  });
}
