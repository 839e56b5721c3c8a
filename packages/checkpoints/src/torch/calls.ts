import { TesseraError } from '@tessera/errors';
import { bytesPerElement, elementCount, isDType, type DType } from '../checkpoint.ts';
import {
  byteLengthOf,
  isUnknown,
  kindOf,
  malformed,
  spanOf,
  type Global,
  type PickleKey,
  type PickleValue,
  type Storage,
  type TensorView,
  type Unknown,
} from './pickle-values.ts';

/** The file that a call belongs to. */
export interface Caller {
  readonly who: string;
  /** How many entries may still be copied: a small pickle can ask for the same copy many times. */
  readonly budget: { left: number };
  /** A stand-in for a tensor that cannot be read from its bytes. @throws tensor-unsupported */
  unsupported(what: string): Unknown;
}

/** The result of a call of an allowed class or function, as data. */
type Call = (caller: Caller, args: readonly PickleValue[]) => PickleValue;

const unsupported =
  (what: string): Call =>
  (caller) =>
    caller.unsupported(what);

/** Classes and functions that a pickle may call, by their full names, as `torch.load(weights_only=True)` has them. */
export const calls: ReadonlyMap<string, Call> = new Map<string, Call>([
  ['collections.OrderedDict', makeDict],
  ['collections.Counter', (_, [counts]) => counts ?? new Map()],
  ['argparse.Namespace', () => ({ kind: 'instance', attributes: new Map() })],
  ['builtins.set', (_, [members]) => members ?? []],
  ['builtins.bytearray', (_, [bytes]) => bytes ?? ''],
  ['builtins.complex', (_, [real, imaginary]) => `(${plain(real)}+${plain(imaginary)}j)`],
  ['_codecs.encode', (_, [text]) => text ?? ''],
  ['torch.Size', (_, [sides]) => sides ?? []],
  ['torch.device', (_, [type, index]) => (index === undefined ? plain(type) : `${plain(type)}:${plain(index)}`)],
  ['torch.serialization._get_layout', (_, [name]) => plain(name)],
  ['torch._utils._rebuild_tensor', tensor],
  ['torch._utils._rebuild_tensor_v2', tensor],
  ['torch._utils._rebuild_tensor_v3', typedTensor],
  ['torch._utils._rebuild_parameter', parameter],
  ['torch._utils._rebuild_parameter_with_state', parameter],
  ['torch.nn.parameter.Parameter', parameter],
  ['torch._utils._rebuild_device_tensor_from_cpu_tensor', keptOnCpu],
  ['torch._tensor._rebuild_from_type_v2', fromType],
  ['torch._utils._rebuild_sparse_tensor', unsupported('a sparse tensor')],
  ['torch._utils._rebuild_qtensor', unsupported('a quantised tensor')],
  ['torch._utils._rebuild_meta_tensor_no_storage', unsupported('a tensor without bytes (meta)')],
  ['torch._utils._rebuild_wrapper_subclass', unsupported('a tensor of a custom class')],
  ['torch._utils._rebuild_device_tensor_from_numpy', unsupported('a tensor kept as a NumPy array')],
]);

/** Arguments: storage, offset, shape, strides, needs gradient, hooks, and bits that say how to read it. */
function tensor(caller: Caller, args: readonly PickleValue[]): PickleValue {
  return lazyBits(args[6]) ? caller.unsupported('a conjugated or negated view') : makeTensor(caller.who, args);
}

/** Like `tensor`, with the element type before the bits: for types without a storage class. */
function typedTensor(caller: Caller, args: readonly PickleValue[]): PickleValue {
  const dtype = args[6];
  if (dtype === undefined || kindOf(dtype) !== 'global') {
    throw malformed(caller.who, 'a tensor without a type', 'a type');
  }
  if (lazyBits(args[7])) return caller.unsupported('a conjugated or negated view');
  const { name } = dtype as Global;
  return makeTypedTensor(caller.who, args, name) ?? caller.unsupported(`a tensor of ${name}`);
}

/** True if the numbers must be conjugated or negated when they are read. */
function lazyBits(bits: PickleValue | undefined): boolean {
  return bits instanceof Map && (bits.get('conj') === true || bits.get('neg') === true);
}

/** A parameter is read as its tensor. */
function parameter({ who }: Caller, [data]: readonly PickleValue[]): PickleValue {
  if (data !== undefined && (kindOf(data) === 'tensor' || isUnknown(data))) return data;
  throw malformed(who, 'a parameter without a tensor', 'a tensor');
}

/** Arguments: tensor, type, device, needs gradient. For devices whose storages cannot be saved. */
function keptOnCpu(caller: Caller, [data, type]: readonly PickleValue[]): PickleValue {
  const kept = parameter(caller, data === undefined ? [] : [data]);
  const same =
    isUnknown(kept) ||
    (type !== undefined &&
      kindOf(type) === 'global' &&
      (type as Global).name === `torch.${(kept as TensorView).dtype}`);
  return same ? kept : caller.unsupported('a tensor kept in another type than its own');
}

/** Arguments: function, class, arguments, attributes. For tensors with attributes or of a subclass. */
function fromType(caller: Caller, [callee, , args]: readonly PickleValue[]): PickleValue {
  const made = callee !== undefined && kindOf(callee) === 'global' ? calls.get((callee as Global).name) : undefined;
  if (!made || made === fromType || !Array.isArray(args)) {
    throw malformed(caller.who, 'a tensor that another function makes', 'a function that makes tensors');
  }
  return made(caller, args);
}

function makeDict({ who, budget }: Caller, [pairs, ...rest]: readonly PickleValue[]): PickleValue {
  const map = new Map<PickleKey, PickleValue>();
  if (pairs === undefined) return map;
  if (!Array.isArray(pairs) || rest.length > 0) throw malformed(who, 'an OrderedDict of something else', 'pairs');
  budget.left -= 32 * pairs.length;
  if (budget.left < 0) {
    throw new TesseraError({
      code: 'pickle-too-large',
      who,
      got: 'more entries of dicts than a checkpoint holds',
      expected: 'a checkpoint of tensors',
    });
  }
  for (const pair of pairs) {
    const key = Array.isArray(pair) && pair.length === 2 ? pair[0] : undefined;
    if (key === undefined || (key !== null && typeof key === 'object')) {
      throw malformed(who, 'an OrderedDict of something else', 'pairs of a key and a value');
    }
    map.set(key, (pair as PickleValue[])[1]!);
  }
  return map;
}

function plain(value: PickleValue | undefined): string {
  return value !== undefined && (value === null || typeof value !== 'object') ? String(value) : '?';
}

/** The most elements of an expanded view: it may be larger than its storage, but must not fill the memory. */
const largestExpansion = 1 << 22;

/**
 * A tensor of its storage's type. `args` begin with storage, offset, shape and strides.
 * @throws pickle-malformed, tensor-out-of-bounds, tensor-too-large
 */
function makeTensor(who: string, args: readonly PickleValue[]): TensorView {
  const [storage] = args;
  const dtype = isStorage(storage) ? storage.dtype : null;
  if (dtype === null) throw malformed(who, 'a tensor over a storage without a type', 'a type');
  return view(who, args, dtype);
}

/** A tensor of a named type; null for a type that is not read. */
function makeTypedTensor(who: string, args: readonly PickleValue[], type: string): TensorView | null {
  const dtype = elementType(type);
  return dtype === undefined ? null : view(who, args, dtype);
}

function view(who: string, [storage, offset, shape, strides]: readonly PickleValue[], dtype: DType): TensorView {
  const ok = isStorage(storage) && isCount(offset) && isShape(shape) && isShape(strides);
  if (!ok || shape.length !== strides.length || shape.length > 64) {
    throw malformed(who, 'a tensor without storage, offset, shape and strides', 'all four');
  }
  const made: TensorView = { kind: 'tensor', storage, dtype, offset, shape, strides };
  checkBounds(who, made);
  return made;
}

function checkBounds(who: string, tensor: TensorView): void {
  const { storage, dtype, offset, shape } = tensor;
  const span = spanOf(tensor);
  const elements = Math.floor(byteLengthOf(storage) / bytesPerElement(dtype));
  if (span > 0 && offset + span > elements) {
    throw new TesseraError({
      code: 'tensor-out-of-bounds',
      who,
      got: `a tensor [${shape.join(', ')}] that ends at element ${offset + span} of storage ${storage.key}`,
      expected: `at most ${elements} elements`,
    });
  }
  const count = elementCount(shape);
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

function isStorage(value: PickleValue | undefined): value is Storage {
  return value !== undefined && kindOf(value) === 'storage';
}

function isCount(value: PickleValue | undefined): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

function isShape(value: PickleValue | undefined): value is number[] {
  return Array.isArray(value) && value.every(isCount);
}

/** The element type that a `torch.dtype` names; undefined for types that Tessera does not read. */
function elementType(global: string): DType | undefined {
  const name = global.replace(/^torch\./, '');
  return name !== global && isDType(name) ? name : undefined;
}
