import { closeSync, openSync, readSync } from 'node:fs';
import { KernelBackend } from '@tensorflow/tfjs';
import type { Tensor } from '@tensorflow/tfjs';
import { TesseraError } from '@tessera/errors';
import type { DType, TypedArray } from '../trace/graph.ts';
import { makeTensor } from '../trace/tfjs-internals.ts';

/** Numbers in memory, or a stretch of a file that is read when somebody asks. */
export type PassiveEntry =
  | { readonly kind: 'memory'; readonly data: TypedArray }
  | {
      readonly kind: 'file';
      /** Absolute. */
      readonly path: string;
      readonly offset: number;
      readonly bytes: number;
      readonly dtype: DType;
    };

const ARRAYS = { float32: Float32Array, int32: Int32Array, bool: Uint8Array } as const;

/**
 * Holds numbers for tfjs and computes nothing. When a tensor of it is used eagerly, tfjs reads it once and moves it
 * to the active backend.
 */
class PassiveBackend extends KernelBackend {
  readonly #entries = new WeakMap<object, { entry: PassiveEntry; references: number }>();

  add(entry: PassiveEntry): object {
    const dataId = {};
    this.#entries.set(dataId, { entry, references: 1 });
    return dataId;
  }

  entry(dataId: object): PassiveEntry | null {
    return this.#entries.get(dataId)?.entry ?? null;
  }

  override readSync(dataId: object): TypedArray {
    const entry = this.#entries.get(dataId)!.entry;
    return entry.kind === 'memory' ? entry.data : readFileRange(entry);
  }

  override read(dataId: object): Promise<TypedArray> {
    return Promise.resolve(this.readSync(dataId));
  }

  override disposeData(dataId: object, force = false): boolean {
    const held = this.#entries.get(dataId);
    if (!held) return true;
    held.references -= 1;
    if (held.references > 0 && !force) return false;
    this.#entries.delete(dataId);
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

const passive = new PassiveBackend();

/** A tfjs tensor on the passive backend. */
export function passiveTensor(entry: PassiveEntry, shape: readonly number[], dtype: DType): Tensor {
  return makeTensor({ dataId: passive.add(entry), shape, dtype }, passive);
}

/** What the passive backend holds under a data id, or null if another backend has it. */
export function passiveEntry(dataId: object): PassiveEntry | null {
  return passive.entry(dataId);
}

function readFileRange({ path, offset, bytes, dtype }: PassiveEntry & { kind: 'file' }): TypedArray {
  const buffer = new Uint8Array(bytes);
  const file = openSync(path, 'r');
  try {
    let at = 0;
    while (at < bytes) {
      const count = readSync(file, buffer, at, Math.min(bytes - at, 2 ** 30), offset + at);
      if (count === 0) throw fileTooShort(path, offset + at, offset + bytes);
      at += count;
    }
  } finally {
    closeSync(file);
  }
  return new ARRAYS[dtype](buffer.buffer);
}

export function fileTooShort(path: string, size: number, needed: number): TesseraError {
  return new TesseraError({
    code: 'file-too-short',
    who: path,
    got: `${size} bytes`,
    expected: `at least ${needed}, which its tensors take`,
    next: 'Fetch the file again.',
  });
}
