import { accessSync, constants, mkdirSync, readFileSync, readdirSync, rmSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { TesseraError } from '@tessera/errors';
import {
  ARRAYS,
  type DType,
  type Device,
  type DeviceNumbers,
  type Numbers,
  type TypedArray,
} from '@tessera/engine/target';
import { type Installation, findInstallation, requireInstallation } from '@tessera/tensorflow-setup';
import { createHash } from 'node:crypto';
import { cpus } from 'node:os';

const require = createRequire(import.meta.url);

/** A tensor of the binding. */
interface TensorMetadata {
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
 * Loads TensorFlow when the first program needs it. There is one per process, so the first caller's number of
 * threads counts for all.
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

interface Preparation {
  readonly threads: number;
  /** The folder where XLA keeps what it has compiled; null where none can be used. */
  readonly compiled: string | null;
}

/** TensorFlow reads these once, when it is loaded. What the user has set stays. */
export function prepareEnvironment(environment: NodeJS.ProcessEnv, { threads, compiled }: Preparation): void {
  environment['TF_CPP_MIN_LOG_LEVEL'] ??= '3'; // below 3, XLA warns about its own files of the same machine
  if (compiled !== null) environment['TF_XLA_FLAGS'] ??= `--tf_xla_persistent_cache_directory=${compiled}`;
  // The older code generator: measured on training steps, it compiles in two thirds of the time, and the code is faster.
  environment['XLA_FLAGS'] ??= '--xla_cpu_use_fusion_emitters=false';
  environment['TF_ENABLE_ONEDNN_OPTS'] ??= '1'; // the default; without this, TensorFlow announces it
  environment['TF_NUM_INTRAOP_THREADS'] ??= String(threads);
  // Two ops at a time: the gradients of a filter and of its image, for example.
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

/** Removes what XLA has kept, so that the next run compiles again. */
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

/** Runs `work` and turns TensorFlow's errors into ours. */
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

/** Where XLA's programs lie in the folder of the installation. */
const COMPILED = 'compiled';
/** Bytes that are kept. */
const KEPT = 2e9;
/** Milliseconds in which another process may still need a file. */
const FRESH = 24 * 3600 * 1000;

/**
 * One folder for each kind of processor, TensorFlow and set of flags: the files are machine code. Null where it cannot be
 * written, and where a space in its path would end the flag that names it. Old files are removed when there are too many.
 */
function compiledFolder({ folder, version, variant }: Installation): string | null {
  const processor = `${process.arch} ${cpus()[0]?.model} ${instructions()}`;
  const made = `${processor} ${version} ${variant} ${process.env['XLA_FLAGS'] ?? ''}`;
  const compiled = join(folder, COMPILED, createHash('sha256').update(made).digest('hex').slice(0, 12));
  if (/\s/.test(compiled)) return null;
  try {
    mkdirSync(compiled, { recursive: true });
    accessSync(compiled, constants.W_OK);
    prune(join(folder, COMPILED), Date.now());
    return compiled;
  } catch {
    return null;
  }
}

/** What this processor can do; two of one name may differ. */
function instructions(): string {
  try {
    return /^flags.*$/m.exec(readFileSync('/proc/cpuinfo', 'utf8'))?.[0] ?? '';
  } catch {
    return ''; // not Linux: only the name is known
  }
}

/** Removes the oldest files until `kept` bytes are left, all kinds of processors together; those of the last day stay. */
export function prune(folder: string, now: number, kept = KEPT): void {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .flatMap(({ parentPath, name }) => {
      const file = join(parentPath, name);
      const found = statSync(file, { throwIfNoEntry: false }); // another process may prune as well
      return found ? [{ file, size: found.size, mtimeMs: found.mtimeMs }] : [];
    })
    .sort((a, b) => b.mtimeMs - a.mtimeMs);
  let sum = 0;
  for (const { file, size, mtimeMs } of files) {
    sum += size;
    if (sum > kept && now - mtimeMs > FRESH) rmSync(file, { force: true });
  }
}
