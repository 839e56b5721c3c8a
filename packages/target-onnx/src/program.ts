import { type BuiltProgram, type LoweredWeight, storedEntry, storedNumbers } from '@tessera/engine/target';
import { type OnnxModel, type TensorData, bytesOf, sessionProgram, weightType } from '@tessera/onnx-graph';
import { CPU, loadRuntime, saturates } from './runtime.ts';
import { parse, relative, sep } from 'node:path';

interface ProgramOptions extends Packing {
  readonly threads: number;
  /** Whether a run's memory stays with the session (by default) or is released. */
  readonly memory?: 'keep' | 'release' | undefined;
}

/**
 * Makes a session. Weights in files stay there and are mapped; numbers in memory are copied by the session.
 * @throws TesseraError `program-rejected` if ONNX Runtime does not take the model.
 */
export async function buildProgram(model: OnnxModel, options: ProgramOptions): Promise<BuiltProgram> {
  const { name, threads, memory } = options;
  const { InferenceSession } = await loadRuntime();
  const { initializers, root, memory: externalData } = packWeights(model, options);
  const sessionOptions = {
    intraOpNumThreads: threads,
    enableCpuMemArena: memory !== 'release',
    logSeverityLevel: 3 as const,
    externalData,
    extra: {
      session: {
        // Spinning threads starve each other where cores are shared.
        intra_op: { allow_spinning: '0' },
        // Weights become unsigned, which is slower, where sums would saturate.
        ...(mayExceed(model, name) && (await saturates()) && { x64quantprecision: '1' }),
        model_external_initializers_file_folder_path: root,
      },
    },
  };
  const open = (bytes: Uint8Array) => InferenceSession.create(bytes, sessionOptions);
  return sessionProgram({ name, model, weights: initializers, device: CPU, open });
}

/** Sums of two products of a byte and a code up to this size stay below 2^15: those of linear layers exceed it, those of filters do not. */
const SAFE_CODE = 63;

function mayExceed({ weights }: OnnxModel, who: string): boolean {
  const codes = weights.filter((weight) => weightType(weight) === 'int8');
  return codes.some(({ dataId }) => isBeyond(storedNumbers(dataId, who)));
}

/** A loop: a million codes take a millisecond. */
function isBeyond(codes: ArrayLike<number>): boolean {
  for (let at = 0; at < codes.length; at++) if (Math.abs(codes[at]!) > SAFE_CODE) return true;
  return false;
}

/** A protobuf message holds at most 2 GB, and inline weights exist twice while a session is made. */
const INLINE_LIMIT = 512 * 2 ** 20;
/** Name of weights in memory that are too large to go inline. */
const MEMORY_FILE = 'tessera-memory';

interface Packing {
  /** For errors. */
  readonly name: string;
  /** Bytes of weights in memory that may be written into the model: by default 512 MiB. */
  readonly inlineLimit?: number;
}

interface PackedWeights {
  readonly initializers: readonly TensorData[];
  /** The folder in which ONNX Runtime looks for weight files: it refuses files outside. */
  readonly root: string;
  readonly memory: readonly { readonly path: string; readonly data: Uint8Array }[];
}

/**
 * Where ONNX Runtime finds each weight: in its own file, which it maps; inline in the model; or in memory beside the model.
 */
export function packWeights({ weights }: OnnxModel, { name: who, inlineLimit = INLINE_LIMIT }: Packing): PackedWeights {
  const root = parse(process.cwd()).root;
  const placed = weights.map((weight) => ({ weight, data: inFile(weight, root) ?? inMemory(weight, who) }));
  const sizes = placed.map(({ data }) => (data instanceof Uint8Array ? data.byteLength : 0));
  const isInline = sizes.reduce((sum, size) => sum + size, 0) <= inlineLimit;
  const memory: { path: string; data: Uint8Array }[] = [];
  const initializers = placed.map(({ weight, data }): TensorData => {
    const { name, dims } = weight;
    const dtype = weightType(weight);
    if (isInline || !(data instanceof Uint8Array)) return { name, dtype, dims, data };
    const path = `${MEMORY_FILE}-${name}`;
    memory.push({ path, data });
    return { name, dtype, dims, data: { location: path, offset: 0, length: data.byteLength } };
  });
  return { initializers, root, memory };
}

function inFile({ dataId }: LoweredWeight, root: string): Exclude<TensorData['data'], Uint8Array> | null {
  const entry = storedEntry(dataId);
  if (entry?.kind !== 'file' || parse(entry.path).root !== root) return null;
  const location = relative(root, entry.path).split(sep).join('/');
  return { location, offset: entry.offset, length: entry.bytes };
}

function inMemory({ dataId }: LoweredWeight, who: string): Uint8Array {
  return bytesOf(storedNumbers(dataId, who));
}
