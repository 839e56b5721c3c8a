import { TesseraError } from '@tessera/errors';
import type { DType } from '../dtype.ts';
import type { Environment } from '../pickle/machine.ts';
import { malformed } from '../pickle/pickle-error.ts';
import { kindOf, type Global, type PickleValue } from '../pickle/value.ts';
import { spanOf, type Storage, type TensorView } from './tensor-view.ts';

const storageTypes: Readonly<Record<string, DType>> = {
  'torch.DoubleStorage': 'float64',
  'torch.FloatStorage': 'float32',
  'torch.HalfStorage': 'float16',
  'torch.BFloat16Storage': 'bfloat16',
  'torch.LongStorage': 'int64',
  'torch.IntStorage': 'int32',
  'torch.ShortStorage': 'int16',
  'torch.CharStorage': 'int8',
  'torch.ByteStorage': 'uint8',
  'torch.BoolStorage': 'bool',
};

const orderedDict = 'collections.OrderedDict';
const namespace = 'argparse.Namespace';
const rebuildTensor = 'torch._utils._rebuild_tensor_v2';
const rebuildParameter = 'torch._utils._rebuild_parameter';

const allowed: ReadonlySet<string> = new Set([
  ...Object.keys(storageTypes),
  orderedDict,
  namespace,
  rebuildTensor,
  rebuildParameter,
]);

/** An expanded view may be larger than its storage, but not by so much that a small file fills the memory. */
const largestExpansion = 1 << 22;

/** What torch.save writes: storages, tensors, parameters, ordered dicts, and argparse's Namespace. */
export function torchEnvironment(who: string): Environment {
  return {
    find(module, name) {
      const full = `${module}.${name}`;
      if (allowed.has(full)) return { kind: 'global', name: full };
      throw new TesseraError({
        code: 'pickle-global-refused',
        who,
        got: `the global ${JSON.stringify(full)}`,
        expected: 'tensors and plain data only',
        next: 'This file could run code; do not load it elsewhere unless you trust where it is from.',
      });
    },
    call: (callee, args) => callGlobal(who, callee, args),
    persistent: (id) => readStorage(who, id),
  };
}

function callGlobal(who: string, callee: Global, args: readonly PickleValue[]): PickleValue {
  switch (callee.name) {
    case orderedDict:
      return makeDict(who, args);
    case namespace:
      return { kind: 'instance', attributes: new Map() };
    case rebuildTensor:
      return makeTensor(who, args);
    case rebuildParameter: {
      const [tensor] = args;
      if (tensor === undefined || kindOf(tensor) !== 'tensor') throw malformed(who, 'a parameter of no tensor', 'one');
      return tensor;
    }
    default:
      throw malformed(who, `a call of ${callee.name}`, 'a storage type to be named only');
  }
}

function makeDict(who: string, [pairs, ...rest]: readonly PickleValue[]): PickleValue {
  const map = new Map();
  if (pairs === undefined) return map;
  if (!Array.isArray(pairs) || rest.length > 0) throw malformed(who, 'an OrderedDict of something else', 'pairs');
  for (const pair of pairs) {
    const key = Array.isArray(pair) && pair.length === 2 ? pair[0] : undefined;
    if (key === undefined || (key !== null && typeof key === 'object')) {
      throw malformed(who, 'an OrderedDict of something else', 'pairs of a key and a value');
    }
    map.set(key, (pair as PickleValue[])[1]!);
  }
  return map;
}

/** ('storage', type, key, place, elements[, view]): the last is null or missing in any file of this century's torch. */
function readStorage(who: string, id: PickleValue): Storage {
  const parts = Array.isArray(id) ? id : [];
  const [tag, type, key, , elements, view] = parts;
  const dtype = type !== undefined && kindOf(type) === 'global' ? storageTypes[(type as Global).name] : undefined;
  if (tag !== 'storage' || dtype === undefined || typeof key !== 'string' || !isCount(elements)) {
    throw malformed(who, 'a reference to something that is no storage', 'a tensor storage');
  }
  if (view !== undefined && view !== null) throw malformed(who, 'a view of a storage', 'a whole storage');
  return { kind: 'storage', key, dtype, elements };
}

function makeTensor(who: string, args: readonly PickleValue[]): TensorView {
  const [storage, offset, shape, strides] = args;
  const ok =
    storage !== undefined && kindOf(storage) === 'storage' && isCount(offset) && isShape(shape) && isShape(strides);
  if (!ok || shape.length !== strides.length || shape.length > 64) {
    throw malformed(who, 'a tensor without storage, offset, shape and strides', 'all four');
  }
  const view: TensorView = { kind: 'tensor', storage: storage as Storage, offset, shape, strides };
  checkBounds(who, view);
  return view;
}

function checkBounds(who: string, view: TensorView): void {
  const { storage, offset, shape } = view;
  const span = spanOf(view);
  if (span > 0 && offset + span > storage.elements) {
    throw new TesseraError({
      code: 'tensor-out-of-bounds',
      who,
      got: `a tensor [${shape.join(', ')}] that ends at element ${offset + span} of storage ${storage.key}`,
      expected: `at most ${storage.elements} elements`,
    });
  }
  const count = shape.reduce((product, side) => product * side, 1);
  if (count > span && count > largestExpansion) {
    throw new TesseraError({
      code: 'tensor-too-large',
      who,
      got: `an expanded tensor [${shape.join(', ')}] over ${span} elements`,
      expected: `at most ${largestExpansion} elements`,
      next: 'Save a contiguous copy of it instead.',
    });
  }
}

function isCount(value: PickleValue | undefined): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

function isShape(value: PickleValue | undefined): value is number[] {
  return Array.isArray(value) && value.every(isCount);
}
