import { rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { TesseraError } from '@tessera/errors';
import {
  ARRAYS,
  type Device,
  type DeviceNumbers,
  type DType,
  type Numbers,
  type TypedArray,
} from '@tessera/engine/target';
import { COMPILED, compiledFolder } from './compiled-folder.ts';
import { findInstallation, requireInstallation } from '@tessera/tensorflow-setup';

const require = createRequire(import.meta.url);

/** A tensor of the binding. */
export interface TensorMetadata {
  readonly id: number;
  readonly shape: readonly number[];
  readonly dtype: number;
}

/** The functions of tfjs-node-gpu's native binding that the engine calls. Tensors and sessions are integers. */
export interface TensorFlowBinding {
  readonly TF_Version: string;
  createTensor(shape: readonly number[], dtype: number, data: TypedArray): number;
  deleteTensor(id: number): void;
  tensorDataSync(id: number): TypedArray;
  loadSavedModel(folder: string, tags: string): number;
  deleteSavedModel(id: number): void;
  runSavedModel(id: number, inputs: readonly number[], inputNames: string, outputNames: string): TensorMetadata[];
  isUsingGpuDevice(): boolean;
  getNumOfTensors(): number;
  getNumOfSavedModels(): number;
}

/** DataType of types.proto. */
const DATA_TYPES: Readonly<Record<DType, number>> = { float32: 1, int32: 3, bool: 10 };

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
  environment['TF_ENABLE_ONEDNN_OPTS'] ??= '1'; // the default; without this, TensorFlow announces it
  environment['TF_NUM_INTRAOP_THREADS'] ??= String(threads);
  // Two ops at a time: the gradients of a filter and of its image, and what runs on one thread beside what needs both.
  environment['TF_NUM_INTEROP_THREADS'] ??= String(Math.min(threads, 2));
  // Otherwise TensorFlow takes all memory of a GPU at once, also from others that share it.
  environment['TF_FORCE_GPU_ALLOW_GROWTH'] ??= 'true';
}

/** Numbers in a tensor of the binding. */
export class TfNumbers implements DeviceNumbers {
  readonly device: Device;
  readonly id: number;
  /** What a program of XLA depends on: the shape, and the numbers of slots, which are small. */
  readonly form: string;
  readonly #binding: TensorFlowBinding;

  constructor(binding: TensorFlowBinding, id: number, form: string) {
    this.#binding = binding;
    this.device = deviceOf(binding);
    this.id = id;
    this.form = form;
  }

  async read(): Promise<TypedArray> {
    return this.readSync();
  }

  readSync(): TypedArray {
    return this.#binding.tensorDataSync(this.id);
  }

  release(): void {
    this.#binding.deleteTensor(this.id);
  }
}

let device: Device | null = null;

/** TensorFlow of this process: its programs take each other's tensors. */
export function deviceOf(binding: TensorFlowBinding): Device {
  device ??= { name: 'TensorFlow', inMemory: !binding.isUsingGpuDevice() };
  return device;
}

/** Makes a tensor of numbers, which must stay as they are while it lives: on a CPU they are not copied. */
export function tfNumbers(binding: TensorFlowBinding, { data, dtype, shape }: Numbers): TfNumbers {
  const type = dtype as DType; // programs of this target have no int64
  const array = data instanceof ARRAYS[type] ? data : ARRAYS[type].from(data as TypedArray);
  const form = `${shape}${dtype === 'int32' && data.length < 9 ? `=${data}` : ''}`;
  return new TfNumbers(binding, binding.createTensor(shape, DATA_TYPES[type], array), form);
}

/** Whether an error is about a file that XLA has kept: it names one, or reads less than one should hold. */
function isAboutCache(message: string): boolean {
  return /xla_compile_cache|Read less bytes/.test(message);
}

/** Takes away what XLA has kept, so that the next run compiles again. */
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
