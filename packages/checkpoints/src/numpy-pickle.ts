import { readFile, stat } from 'node:fs/promises';
import { TesseraError } from '@tessera/errors';
import { bytesPerElement, elementCount, unknownTensor, type Checkpoint, type DType } from './checkpoint.ts';
import { runsCode } from './torch/allow-list.ts';
import type { Environment } from './torch/pickle-machine.ts';
import { isUnknown, kindOf, malformed, type PickleValue, type Unknown } from './torch/pickle-values.ts';
import { unpickle } from './torch/unpickle.ts';

/** The only classes and functions that a pickle of plain arrays names. */
const RECONSTRUCT = 'numpy.core.multiarray._reconstruct';
const ARRAY = 'numpy.ndarray';
const TYPE = 'numpy.dtype';

const largestFile = 1 << 28;

/**
 * Opens a pickle of nested dicts of NumPy arrays, as JAX's users publish weights: names are joined by dots. Nothing in the
 * file is executed: three names are allowed, and each only stands for data.
 * @throws TesseraError `checkpoint-unreadable`, `pickle-global-refused`, `pickle-malformed`, `tensor-unsupported`
 */
export async function openNumpyPickle(path: string): Promise<Checkpoint> {
  const bytes = await readWhole(path);
  const found = unpickle(bytes, environmentOf(path), { start: 0, who: path });
  if (found === null) throw malformed(path, 'a pickle that breaks off', 'a complete one');
  const arrays = new Map<string, NumpyArray>();
  collect(found.value, [], { who: path, arrays });
  const tensors = [...arrays].map(
    ([name, { dtype, shape }]) => [name, { name, dtype, shape, location: null }] as const,
  );
  return {
    path,
    format: 'numpy-pickle',
    tensors: new Map(tensors),
    values: new Map(),
    leftOut: [],
    read: async (name) => {
      const array = arrays.get(name);
      if (!array) throw unknownTensor(path, name);
      return Uint8Array.from(array.bytes);
    },
    close: async () => arrays.clear(),
  };
}

async function readWhole(path: string): Promise<Uint8Array> {
  const unreadable = (got: string, cause?: unknown) =>
    new TesseraError({
      code: 'checkpoint-unreadable',
      who: path,
      got,
      expected: `a file of at most ${largestFile} bytes`,
      next: 'Check the path.',
      cause,
    });
  const { size } = await stat(path).catch((cause: unknown) => {
    throw unreadable('no readable file', cause);
  });
  if (size > largestFile) throw unreadable(`${size} bytes`);
  return readFile(path);
}

function environmentOf(who: string): Environment {
  return {
    find(module, name) {
      const full = `${module}.${name}`;
      if (full === RECONSTRUCT || full === ARRAY || full === TYPE) return { kind: 'global', name: full };
      const harm = runsCode(full) ? ', which can run code where Python loads the file' : '';
      throw new TesseraError({
        code: 'pickle-global-refused',
        who,
        got: `the global ${JSON.stringify(full)}${harm}`,
        expected: `${RECONSTRUCT}, ${ARRAY} and ${TYPE} only: plain arrays`,
        next: 'Save the arrays as safetensors instead.',
      });
    },
    call(callee, args) {
      if (callee.name === RECONSTRUCT) return { kind: 'unknown', name: ARRAY, parts: [], items: new Map() };
      if (callee.name === TYPE) return { kind: 'unknown', name: TYPE, parts: [args[0] ?? null], items: new Map() };
      throw malformed(who, `a call of ${callee.name}`, 'an array');
    },
    persistent: () => {
      throw malformed(who, 'a reference to bytes outside of the pickle', 'arrays with their bytes');
    },
  };
}

interface NumpyArray {
  readonly dtype: DType;
  readonly shape: readonly number[];
  /** Row-major, little-endian. */
  readonly bytes: Uint8Array;
}

const deepest = 32;

function collect(
  value: PickleValue,
  path: readonly string[],
  into: { readonly who: string; readonly arrays: Map<string, NumpyArray> },
): void {
  const { who, arrays } = into;
  if (isUnknown(value) && value.name === ARRAY) {
    arrays.set(path.join('.'), arrayOf(value, path.join('.'), who));
  } else if (value instanceof Map && path.length < deepest) {
    for (const [key, child] of value) collect(child, [...path, String(key)], into);
  } else {
    const at = path.length > 0 ? path.join('.').slice(0, 100) : 'the whole file';
    throw malformed(who, `${kindOf(value) ?? typeof value} at ${at}`, 'dicts of arrays');
  }
}

/** State of an array: version, shape, type, whether columns come first, bytes. */
function arrayOf({ parts: [state] }: Unknown, name: string, who: string): NumpyArray {
  const [, shape, type, columnsFirst, bytes] = Array.isArray(state) ? state : [];
  const isShape = Array.isArray(shape) && shape.every((side) => Number.isSafeInteger(side) && (side as number) >= 0);
  if (!isShape || type === undefined || !isUnknown(type) || type.name !== TYPE || !(bytes instanceof Uint8Array)) {
    throw malformed(who, `an array ${name} without shape, type and bytes`, 'all three');
  }
  const dtype = typeOf(type, name, who);
  if (columnsFirst !== false) throw unsupported(who, `${name} in the order of Fortran`, 'row-major arrays');
  const expected = elementCount(shape as number[]) * bytesPerElement(dtype);
  if (bytes.length !== expected) throw malformed(who, `${bytes.length} bytes of ${name}`, `${expected}`);
  return { dtype, shape: shape as number[], bytes };
}

const types: Readonly<Record<string, DType>> = {
  ...{ f2: 'float16', f4: 'float32', f8: 'float64', b1: 'bool' },
  ...{ i1: 'int8', i2: 'int16', i4: 'int32', i8: 'int64', u1: 'uint8', u2: 'uint16', u4: 'uint32', u8: 'uint64' },
};

/** A type is its code and a state of version and byte order. */
function typeOf({ parts: [code, state] }: Unknown, name: string, who: string): DType {
  const order = Array.isArray(state) ? state[1] : undefined;
  const dtype = typeof code === 'string' && Object.hasOwn(types, code) ? types[code] : undefined;
  if (dtype !== undefined && (order === '<' || order === '|')) return dtype;
  throw unsupported(who, `${name} of type ${String(order ?? '')}${String(code)}`, 'little-endian numbers');
}

function unsupported(who: string, got: string, expected: string): TesseraError {
  const next = 'Save a copy of it in that form.';
  return new TesseraError({ code: 'tensor-unsupported', who, got, expected, next });
}
