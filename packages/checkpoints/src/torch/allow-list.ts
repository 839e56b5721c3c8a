import { TesseraError } from '@tessera/errors';
import type { DType } from '../checkpoint.ts';
import { calls, type Caller } from './calls.ts';
import type { Environment } from './pickle-machine.ts';
import {
  isUnknown,
  kindOf,
  malformed,
  type Global,
  type PickleValue,
  type Storage,
  type Unknown,
} from './pickle-values.ts';

/** For objects whose classes are not on the allow-list: refuse the file, or leave the objects out. */
export type UnknownObjects = 'refuse' | 'skip';

/**
 * Allows what `torch.load(weights_only=True)` allows, and argparse's Namespace. Everything becomes plain data: no class
 * of the file is looked up, and nothing is called.
 */
export function torchEnvironment(
  who: string,
  { unknown, met }: { readonly unknown: UnknownObjects; readonly met: Set<string> },
): Environment {
  const standIn = (name: string): Unknown => {
    met.add(name);
    if (unknown === 'refuse') throw refused(who, name);
    return { kind: 'unknown', name, parts: [], items: new Map() };
  };
  const caller: Caller = {
    who,
    budget: { left: 1 << 26 },
    unsupported: (what) => {
      met.add(what);
      if (unknown === 'skip') return { kind: 'unknown', name: what, parts: [], items: new Map() };
      throw unsupported(who, what);
    },
  };
  const call = (callee: Global | Unknown, args: readonly PickleValue[]): PickleValue => {
    if (isUnknown(callee)) return { ...callee, parts: [...args], items: new Map() };
    const made = calls.get(callee.name);
    if (!made) throw malformed(who, `a call of ${callee.name}`, 'a type that is only named');
    return made(caller, args);
  };
  return {
    find(module, name) {
      const full = `${module.replace(/^__builtin__$/, 'builtins')}.${name}`;
      return calls.has(full) || isPlainName(full) ? { kind: 'global', name: full } : standIn(`${module}.${name}`);
    },
    call,
    persistent: (id) => readStorage(who, id),
  };
}

function refused(who: string, global: string): TesseraError {
  const named = JSON.stringify(global);
  if (runsCode(global)) {
    return new TesseraError({
      code: 'pickle-global-refused',
      who,
      got: `the global ${named}, which can run code where Python loads the file`,
      expected: 'tensors and plain data only',
      next: 'Do not load this file elsewhere unless you trust its source.',
    });
  }
  return new TesseraError({
    code: 'pickle-global-refused',
    who,
    got: `the global ${named}, which is not on the allow-list`,
    expected: 'tensors and plain data, as torch.load(weights_only=True) loads them',
    next: 'Read the tensors without such objects: --skip-unknown.',
  });
}

function unsupported(who: string, what: string): TesseraError {
  return new TesseraError({
    code: 'tensor-unsupported',
    who,
    got: what,
    expected: 'dense tensors, stored as their numbers',
    next: 'Save a dense copy of it, or read the other tensors: --skip-unknown.',
  });
}

/** ('storage', type, key, device, elements[, view]); the view is null or missing in files since PyTorch 0.4. */
function readStorage(who: string, id: PickleValue): Storage {
  const parts = Array.isArray(id) ? id : [];
  const [tag, type, key, , elements, view] = parts;
  const dtype = type !== undefined && kindOf(type) === 'global' ? storageType((type as Global).name) : undefined;
  const ok = typeof elements === 'number' && Number.isSafeInteger(elements) && elements >= 0;
  if (tag !== 'storage' || dtype === undefined || typeof key !== 'string' || !ok) {
    throw malformed(who, 'a reference to something other than a storage', 'a tensor storage');
  }
  if (view !== undefined && view !== null) throw malformed(who, 'a view of a storage', 'a whole storage');
  return { kind: 'storage', key, dtype, elements };
}

/** Element types of PyTorch's storage classes, by the beginning of their names: `torch.FloatStorage`. */
const kinds: Readonly<Record<string, DType>> = {
  Double: 'float64',
  Float: 'float32',
  Half: 'float16',
  BFloat16: 'bfloat16',
  Long: 'int64',
  Int: 'int32',
  Short: 'int16',
  Char: 'int8',
  Byte: 'uint8',
  Bool: 'bool',
  ComplexDouble: 'complex128',
  ComplexFloat: 'complex64',
  // Storages of quantised tensors.
  QInt8: 'int8',
  QInt32: 'int32',
  QUInt8: 'uint8',
  QUInt4x2: 'uint8',
  QUInt2x4: 'uint8',
};

/** The element type of a storage class, or null for untyped bytes; undefined for other names. */
function storageType(global: string): DType | null | undefined {
  if (global === 'torch.storage.UntypedStorage') return null;
  const [, kind] = /^torch\.(?:cuda\.)?([A-Za-z0-9]+)Storage$/.exec(global) ?? [];
  return kind !== undefined && Object.hasOwn(kinds, kind) ? kinds[kind] : undefined;
}

/** Names that may occur and are only read as names: element types, layouts of quantisation, classes of tensors. */
const plainNames: readonly RegExp[] = [
  /^torch\.(float(64|32|16)|bfloat16|float8_\w+|float4_\w+|b?complex(32|64|128)|u?int\d\d?|bool|bits\w+|q(u)?int\w+)$/,
  /^torch\.per_(tensor|channel)_(affine|symmetric|affine_float_qparams)$/,
  /^torch\.(cuda\.)?(sparse\.)?(BFloat16|Bool|Byte|Char|Double|Float|Half|Int|Long|Short)Tensor$/,
  /^torch\.Tensor$/,
  /^torch\.storage\.TypedStorage$/,
];

function isPlainName(global: string): boolean {
  return storageType(global) !== undefined || plainNames.some((name) => name.test(global));
}

/** Modules of Python whose functions run commands or code, or download code. */
const modules: ReadonlySet<string> = new Set([
  ...['os', 'posix', 'nt', 'sys', 'subprocess', 'commands', 'pty', 'shutil', 'ctypes', 'socket', 'webbrowser'],
  ...['importlib', 'imp', 'runpy', 'pkgutil', 'code', 'codeop', 'timeit', 'profile', 'cProfile', 'pdb', 'bdb', 'trace'],
  ...['pickle', '_pickle', 'cPickle', 'dill', 'cloudpickle', 'marshal', 'shelve', 'doctest', 'pydoc'],
  ...['multiprocessing', 'asyncio', 'http', 'urllib', 'requests', 'ftplib', 'pip', 'ensurepip', 'venv'],
]);

/** Built-ins of Python that run code, access any attribute, or touch files. */
const builtins: ReadonlySet<string> = new Set([
  ...['eval', 'exec', 'execfile', 'compile', '__import__', 'open', 'file', 'input', 'raw_input', 'breakpoint', 'help'],
  ...['getattr', 'setattr', 'delattr', 'globals', 'locals', 'vars', 'apply', 'map', 'filter', 'type'],
]);

/** Functions of other modules that create code, access it, or read it from a file. */
const inside =
  /^(torch\.(hub|jit|package|load|utils\.cpp_extension|distributed\.rpc)|numpy\.(load|f2py)|joblib\.load|types\.(Code|Function|Lambda)Type|operator\.(attrgetter|methodcaller))\b/;

/** Whether a global of a pickle is known to run commands or code where Python loads the file. */
export function runsCode(global: string): boolean {
  const [module, ...rest] = global.split('.');
  if (module === 'builtins' || module === '__builtin__') return builtins.has(rest[0] ?? '');
  return modules.has(module!) || inside.test(global);
}
