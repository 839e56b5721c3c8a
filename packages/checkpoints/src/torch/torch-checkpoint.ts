import { TesseraError } from '@tessera/errors';
import type { ByteSource } from '../byte-source.ts';
import {
  bytesPerElement,
  bytesPerNumber,
  elementCount,
  unknownTensor,
  type Checkpoint,
  type CheckpointValue,
  type TensorEntry,
} from '../checkpoint.ts';
import { runsCode } from './allow-list.ts';
import { isUnknown, spanOf, type PickleValue, type Storage, type TensorView } from './pickle-values.ts';

/** A PyTorch file of either form: the saved object and the offsets of its storages. */
export interface TorchFile {
  readonly root: PickleValue;
  /** Names of classes and functions in the file that are not on the allow-list. */
  readonly met: ReadonlySet<string>;
  /** Byte offset of the storage's first element. @throws tensor-storage-missing, tensor-storage-short */
  locate(storage: Storage): number;
  readonly bigEndian: boolean;
}

/** The tensors and values of a PyTorch file. Every storage is checked to be there before any is read. */
export function torchCheckpoint(source: ByteSource, file: TorchFile, format: 'torch-zip' | 'torch-legacy'): Checkpoint {
  const { tensors, values, unknown, standIns } = flatten(file.root, source.path);
  const nowhere = [...file.met].filter((what) => !standIns.has(what)).map((what) => ['', what] as const);
  const entries = new Map<string, TensorEntry>();
  for (const [name, view] of tensors) entries.set(name, describe(name, view, file));
  return {
    path: source.path,
    format,
    tensors: entries,
    values,
    leftOut: [...unknown, ...nowhere].map(([name, what]) => ({ name, what, runsCode: runsCode(what) })),
    read: async (name) => {
      const view = tensors.get(name);
      if (view === undefined) throw unknownTensor(source.path, name);
      return readView(source, file, view);
    },
    close: () => source.close(),
  };
}

function describe(name: string, view: TensorView, file: TorchFile): TensorEntry {
  const { dtype } = view;
  const size = bytesPerElement(dtype);
  const start = file.locate(view.storage);
  const plain = isContiguous(view) && (!file.bigEndian || bytesPerNumber(dtype) === 1);
  return {
    name,
    dtype,
    shape: view.shape,
    location: plain ? { offset: start + view.offset * size, byteLength: elementCount(view.shape) * size } : null,
  };
}

async function readView(source: ByteSource, file: TorchFile, view: TensorView): Promise<Uint8Array<ArrayBuffer>> {
  const size = bytesPerElement(view.dtype);
  const start = file.locate(view.storage) + view.offset * size;
  const span = spanOf(view);
  const bytes = span === 0 ? new Uint8Array(0) : await source.read(start, span * size);
  if (file.bigEndian) swapBytes(bytes, bytesPerNumber(view.dtype));
  return isContiguous(view) ? bytes : gatherView(view, bytes, size);
}

const deepest = 32;
/** A small pickle can contain one dict many times; the number of values that it unfolds to is limited. */
const mostNodes = 300_000;

interface Flat {
  readonly tensors: ReadonlyMap<string, TensorView>;
  readonly values: ReadonlyMap<string, CheckpointValue>;
  /** Classes by path of objects that are not on the allow-list: the outermost ones and those that can run code. */
  readonly unknown: ReadonlyMap<string, string>;
  /** Classes of all objects that are not on the allow-list. */
  readonly standIns: ReadonlySet<string>;
}

/** Shown as the path of the outermost object. */
const wholeFile = 'the whole file';

/** Attributes of PyTorch's modules that a state dict leaves out of its names. */
const moduleParts: ReadonlySet<unknown> = new Set(['_modules', '_parameters', '_buffers']);

/**
 * Nested dicts, lists and objects as dotted names. Of an object that is not on the allow-list, the tensors inside are
 * kept and its plain values are not. Inside a PyTorch module the tensors have the names of its state dict.
 * @throws checkpoint-too-nested; checkpoint-name-twice if two paths give the same name
 */
export function flatten(root: PickleValue, who: string): Flat {
  const tensors = new Map<string, TensorView>();
  const values = new Map<string, CheckpointValue>();
  const unknown = new Map<string, string>();
  const standIns = new Set<string>();
  const seen = new Set<PickleValue & object>();
  let nodes = 0;
  const visit = (value: PickleValue, path: readonly string[], inside: boolean): void => {
    if (path.length > deepest || ++nodes > mostNodes) throw tooNested(who, path);
    const name = path.join('.');
    if (value === null || typeof value !== 'object') {
      if (!inside) values.set(name, value);
    } else if ('kind' in value && value.kind === 'tensor') {
      if (tensors.has(name)) throw twice(who, name);
      tensors.set(name, value);
    } else if ('kind' in value && value.kind === 'global') {
      if (!inside) values.set(name, value.name);
    } else if (inside && seen.has(value)) {
      return; // objects point at each other in circles
    } else {
      const hidden = isUnknown(value);
      if (hidden) standIns.add(value.name);
      if (hidden && (!inside || runsCode(value.name))) unknown.set(name || wholeFile, value.name);
      if (hidden || inside) seen.add(value);
      for (const [key, child] of children(value)) {
        const skipped = (hidden || inside) && moduleParts.has(key);
        visit(child, skipped ? path : [...path, String(key)], hidden || inside);
      }
    }
  };
  visit(root, [], false);
  return { tensors, values, unknown, standIns };
}

function children(value: PickleValue & object): Iterable<readonly [unknown, PickleValue]> {
  if (value instanceof Map) return value.entries();
  if (Array.isArray(value)) return value.entries();
  if (value instanceof Set) return [...value].entries();
  if (!('kind' in value)) return []; // bytes hold no tensors
  if (value.kind === 'instance') return value.attributes.entries();
  if (value.kind === 'unknown') return [...value.parts.entries(), ...value.items.entries()];
  return []; // nor do bare storages and bare classes
}

function tooNested(who: string, path: readonly string[]): TesseraError {
  return new TesseraError({
    code: 'checkpoint-too-nested',
    who,
    got: `more than a checkpoint holds, at ${path.slice(0, 4).join('.').slice(0, 100)}`,
    expected: `at most ${deepest} levels and ${mostNodes} values`,
  });
}

function twice(who: string, name: string): TesseraError {
  return new TesseraError({
    code: 'checkpoint-name-twice',
    who,
    got: `two tensors named ${name}`,
    expected: 'one of each name',
  });
}

/** True if the elements are stored one after the other in row-major order. */
function isContiguous({ shape, strides }: TensorView): boolean {
  let expected = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    const side = shape[axis]!;
    if (side === 0) return true;
    if (side !== 1 && strides[axis] !== expected) return false;
    expected *= side;
  }
  return true;
}

/** Copies a view's elements into row-major order. `span` holds the storage from the view's offset on. */
function gatherView(view: TensorView, span: Uint8Array, size: number): Uint8Array<ArrayBuffer> {
  const { shape, strides } = view;
  const count = elementCount(shape);
  const result = new Uint8Array(count * size);
  const at = new Array<number>(shape.length).fill(0);
  let source = 0;
  for (let element = 0; element < count; element++) {
    for (let byte = 0; byte < size; byte++) result[element * size + byte] = span[source * size + byte]!;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      at[axis]! += 1;
      source += strides[axis]!;
      if (at[axis]! < shape[axis]!) break;
      source -= shape[axis]! * strides[axis]!;
      at[axis] = 0;
    }
  }
  return result;
}

/** Reverses the bytes of each number, in place: big-endian files. */
function swapBytes(bytes: Uint8Array, size: number): void {
  for (let start = 0; start < bytes.length; start += size) bytes.subarray(start, start + size).reverse();
}
