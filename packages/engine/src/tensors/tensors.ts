import { KernelBackend } from '@tensorflow/tfjs';
import type { Tensor } from '@tensorflow/tfjs';
import { TesseraError } from '@tessera/errors';
import type { DeviceNumbers } from '../target.ts';
import { ARRAYS, type DType, type TypedArray } from '../trace/graph.ts';
import { backendOf, makeTensor, readNumbers } from '../trace/tfjs-internals.ts';

/*
 * Tensors of tfjs whose numbers lie in memory, in a file or on a device. Compiled programs take them from where they are; when
 * one is used eagerly, tfjs reads it once and moves it to the active backend.
 */

export type StoredEntry = MemoryEntry | FileEntry | DeviceEntry | ComputedEntry;

/** Numbers as they are stored: signed bytes stand for a tensor of int32. */
export type StoredArray = TypedArray | Int8Array;

interface MemoryEntry {
  readonly kind: 'memory';
  readonly data: StoredArray;
}

/** A range of a file. */
export interface FileEntry {
  readonly kind: 'file';
  /** Absolute; targets may map the file. */
  readonly path: string;
  readonly offset: number;
  readonly bytes: number;
  /** Reads the range, for targets that do not map it. */
  readonly read: () => StoredArray;
  /** True where each number takes one byte. */
  readonly isBytes?: boolean;
}

/** Numbers that are made of others when they are read. */
interface ComputedEntry {
  readonly kind: 'computed';
  readonly read: () => StoredArray;
  /** See `FileEntry`. */
  readonly isBytes?: boolean;
}

interface DeviceEntry {
  readonly kind: 'device';
  readonly numbers: DeviceNumbers;
}

/**
 * A tensor over `data`, which it keeps: do not change the numbers afterwards. Without `dtype`, Int32Array makes int32,
 * Uint8Array bool, everything else float32.
 * @throws TesseraError `shape-mismatch`
 */
export function tensorFrom(data: TypedArray | readonly number[], shape: readonly number[], dtype?: DType): Tensor {
  const type = dtype ?? typeOf(data);
  const size = shape.reduce((product, dim) => product * dim, 1);
  if (data.length === size) return storedTensor({ kind: 'memory', data: inType(data, type) }, shape, type);
  throw new TesseraError({
    code: 'shape-mismatch',
    who: 'tensorFrom',
    got: `${data.length} numbers for [${shape}]`,
    expected: `${size}`,
  });
}

function typeOf(data: TypedArray | readonly number[]): DType {
  if (data instanceof Int32Array) return 'int32';
  return data instanceof Uint8Array ? 'bool' : 'float32';
}

function inType(data: TypedArray | readonly number[], dtype: DType): TypedArray {
  return data instanceof ARRAYS[dtype] ? data : ARRAYS[dtype].from(data);
}

/** A tensor over numbers as they are stored: bytes make a tensor of int32. It keeps them: do not change them afterwards. */
export function tensorOver(data: Float32Array | Int8Array, shape: readonly number[]): Tensor {
  return storedTensor({ kind: 'memory', data }, shape, data instanceof Int8Array ? 'int32' : 'float32');
}

/** A tensor of tfjs over numbers that lie somewhere. Device numbers are released with the last tensor over them. */
export function storedTensor(entry: StoredEntry, shape: readonly number[], dtype: DType): Tensor {
  return makeTensor({ dataId: stored.add(entry), shape, dtype }, stored);
}

/** Where the numbers of a data id lie, or null if a backend of tfjs has them. */
export function storedEntry(dataId: object): StoredEntry | null {
  return stored.entry(dataId);
}

/** Data ids of tensors that are stored as signed bytes, also after tfjs has moved them elsewhere. */
const bytes = new WeakSet<object>();

/** True for a tensor of int32 that is stored as signed bytes. */
export function isStoredAsBytes(dataId: object): boolean {
  return bytes.has(dataId);
}

/** The numbers of a tensor as they are stored, without a copy where they are in memory. */
export function storedNumbers(dataId: object, who: string): StoredArray {
  const entry = storedEntry(dataId);
  if (entry?.kind === 'memory') return entry.data;
  if (entry?.kind === 'file' || entry?.kind === 'computed') return entry.read();
  const numbers = readNumbers(dataId, who);
  return bytes.has(dataId) ? Int8Array.from(numbers) : numbers;
}

/** The bytes of a tensor's numbers as they are stored, for files. */
export function storedBytes({ dataId }: Tensor, who: string): Uint8Array {
  const { buffer, byteOffset, byteLength } = storedNumbers(dataId, who);
  return new Uint8Array(buffer, byteOffset, byteLength);
}

/** Another tensor over the same numbers, wherever they lie: neither moved nor copied. Each is disposed on its own. */
export function shareTensor({ dataId, shape, dtype }: Tensor, who: string): Tensor {
  const backend = backendOf(dataId, who);
  backend.incRef(dataId);
  return makeTensor({ dataId, shape, dtype }, backend);
}

function isBytes(entry: StoredEntry): boolean {
  if (entry.kind === 'memory') return entry.data instanceof Int8Array;
  return entry.kind !== 'device' && entry.isBytes === true;
}

/** How many tensors and runs need these numbers. */
const users = new WeakMap<DeviceNumbers, number>();

/** Keeps device numbers until `dropNumbers`, also where their tensor is disposed. */
export function holdNumbers(numbers: DeviceNumbers): DeviceNumbers {
  users.set(numbers, (users.get(numbers) ?? 0) + 1);
  return numbers;
}

export function dropNumbers(numbers: DeviceNumbers): void {
  const left = users.get(numbers)! - 1;
  users.set(numbers, left);
  if (left === 0) numbers.release();
}

/** Holds entries for tfjs and computes nothing. */
class StoredBackend extends KernelBackend {
  readonly #entries = new WeakMap<object, { entry: StoredEntry; references: number }>();

  add(entry: StoredEntry): object {
    const dataId = {};
    this.#entries.set(dataId, { entry, references: 1 });
    if (entry.kind === 'device') holdNumbers(entry.numbers);
    if (isBytes(entry)) bytes.add(dataId);
    return dataId;
  }

  entry(dataId: object): StoredEntry | null {
    return this.#entries.get(dataId)?.entry ?? null;
  }

  override readSync(dataId: object): TypedArray {
    const { entry } = this.#entries.get(dataId)!;
    if (entry.kind === 'device') return entry.numbers.readSync();
    const numbers = entry.kind === 'memory' ? entry.data : entry.read();
    return numbers instanceof Int8Array ? Int32Array.from(numbers) : numbers;
  }

  override async read(dataId: object): Promise<TypedArray> {
    const { entry } = this.#entries.get(dataId)!;
    return entry.kind === 'device' ? entry.numbers.read() : this.readSync(dataId);
  }

  override disposeData(dataId: object, force = false): boolean {
    const held = this.#entries.get(dataId);
    if (!held) return true;
    held.references -= 1;
    if (held.references > 0 && !force) return false;
    this.#entries.delete(dataId);
    if (held.entry.kind === 'device') dropNumbers(held.entry.numbers);
    return true;
  }

  override refCount(dataId: object): number {
    return this.#entries.get(dataId)?.references ?? 0;
  }

  override incRef(dataId: object): void {
    this.#entries.get(dataId)!.references += 1;
  }

  override timerAvailable(): boolean {
    return false;
  }

  override dispose(): void {
    // Entries go with their data ids.
  }
}

const stored = new StoredBackend();
