import { rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { TesseraError } from '@tessera/errors';
import type { Numbers } from '../numbers.ts';
import type { DType, TypedArray } from '../trace/graph.ts';
import { DATA_TYPES, type TensorFlowBinding } from './binding.ts';
import { COMPILED, compiledFolder } from './compiled-folder.ts';
import { findInstallation, requireInstallation } from '@tessera/tensorflow-setup';

const require = createRequire(import.meta.url);
const ARRAYS = { float32: Float32Array, int32: Int32Array, bool: Uint8Array } as const;

let loaded: TensorFlowBinding | null = null;

/**
 * Loads TensorFlow when the first program needs it. There is one per process, and so the first caller's number of
 * threads is everybody's.
 * @throws TesseraError `tensorflow-missing`, `tensorflow-broken`
 */
export function loadTensorFlow(threads: number): TensorFlowBinding {
  if (loaded) return loaded;
  const installation = requireInstallation();
  const { binding } = installation;
  prepareEnvironment(process.env, { threads, compiled: compiledFolder(installation) });
  try {
    loaded = require(binding) as TensorFlowBinding;
  } catch (cause) {
    throw new TesseraError({
      code: 'tensorflow-broken',
      who: 'tensorflow',
      got: `an error while loading ${binding}: ${cause instanceof Error ? cause.message.split('\n')[0] : String(cause)}`,
      expected: 'the binding that the setup has built',
      next: 'Run `tessera setup tensorflow` again.',
      cause,
    });
  }
  return loaded;
}

export interface Preparation {
  readonly threads: number;
  /** The folder where XLA keeps what it has compiled; null where none can be used. */
  readonly compiled: string | null;
}

/** TensorFlow reads these once, when it is loaded. What the user has set stays. */
export function prepareEnvironment(environment: NodeJS.ProcessEnv, { threads, compiled }: Preparation): void {
  environment['TF_CPP_MIN_LOG_LEVEL'] ??= '3'; // below, XLA doubts its own files of the same machine
  if (compiled !== null) environment['TF_XLA_FLAGS'] ??= `--tf_xla_persistent_cache_directory=${compiled}`;
  // The older way to write loops: measured on steps of training, it compiles in two thirds of the time, and they run faster.
  environment['XLA_FLAGS'] ??= '--xla_cpu_use_fusion_emitters=false';
  environment['TF_ENABLE_ONEDNN_OPTS'] ??= '1'; // the default, which is announced where nobody has said so
  environment['TF_NUM_INTRAOP_THREADS'] ??= String(threads);
  // Two ops at a time: the gradients of a filter and of its image, and what runs on one thread beside what needs both.
  environment['TF_NUM_INTEROP_THREADS'] ??= String(Math.min(threads, 2));
  // Else TensorFlow takes all memory of a GPU at once, from whoever shares it.
  environment['TF_FORCE_GPU_ALLOW_GROWTH'] ??= 'true';
}

/** A tensor over `data`, which must stay as it is while the tensor lives: on a CPU it is not copied. */
export function createTensor(binding: TensorFlowBinding, { data, dtype, shape }: Numbers): number {
  const type = dtype as DType; // programs of this target have no int64
  const array = data instanceof ARRAYS[type] ? data : ARRAYS[type].from(data as TypedArray);
  return binding.createTensor(shape, DATA_TYPES[type], array);
}

/** Whether an error is about a file that XLA has kept: it names one, or reads less than one should hold. */
function isAboutCache(message: string): boolean {
  return /xla_compile_cache|Read less bytes/.test(message);
}

/** Takes away what XLA has kept, so that the next run compiles anew. */
function cacheLost(who: string, message: string, cause: unknown): TesseraError {
  const folder = findInstallation()?.folder;
  const compiled = folder && join(folder, COMPILED);
  if (compiled) rmSync(compiled, { recursive: true, force: true });
  return new TesseraError({
    code: 'compiled-lost',
    who,
    got: `an error of XLA's files${compiled ? ` in ${compiled}` : ''}: ${message.split('\n')[0]!.slice(0, 300)}`,
    expected: 'room for them, and files as XLA has left them',
    next: 'They have been removed: look for room on that disk, and run it again.',
    cause,
  });
}

/** TensorFlow's answers in the engine's words. */
export function explain<T>(who: string, code: string, work: () => T): T {
  try {
    return work();
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause);
    if (isAboutCache(message)) throw cacheLost(who, message, cause);
    const isMemory = !/No space left/i.test(message) && /\bOOM\b|RESOURCE_EXHAUSTED|[Oo]ut of memory/.test(message);
    throw new TesseraError({
      code: isMemory ? 'out-of-memory' : code,
      who,
      got: `an error of TensorFlow: ${message.split('\n')[0]!.slice(0, 300)}`,
      expected: isMemory ? 'enough memory on the device' : 'a program that it runs',
      next: isMemory
        ? 'Use a smaller batch or model, and start again: what this run had taken may not come back.'
        : 'Run the function with the target eager to see whether it is sound.',
      cause,
    });
  }
}
