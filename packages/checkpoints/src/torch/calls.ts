import { TesseraError } from '@tessera/errors';
import { malformed } from '../pickle/pickle-error.ts';
import { isUnknown, kindOf, type Global, type PickleKey, type PickleValue, type Unknown } from '../pickle/value.ts';
import { makeTensor, makeTypedTensor } from './make-tensor.ts';
import type { TensorView } from './tensor-view.ts';

/** What calls need of the file that they belong to. */
export interface Caller {
  readonly who: string;
  /** Entries that may still be copied: a small pickle can ask for the same copy again and again. */
  readonly budget: { left: number };
  /** Stands for a tensor that cannot be read as its bytes. @throws tensor-unsupported */
  unsupported(what: string): Unknown;
}

/** What a call of an allowed class or function gives, as data. */
export type Call = (caller: Caller, args: readonly PickleValue[]) => PickleValue;

const unsupported =
  (what: string): Call =>
  (caller) =>
    caller.unsupported(what);

/** Classes and functions of the allow-list that a pickle may call. */
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
  ['torch._utils._rebuild_wrapper_subclass', unsupported('a tensor of a class of its own')],
  ['torch._utils._rebuild_device_tensor_from_numpy', unsupported('a tensor kept as a NumPy array')],
]);

/** (storage, offset, shape, strides, needs gradient, hooks, bits that say how to read it). */
function tensor(caller: Caller, args: readonly PickleValue[]): PickleValue {
  return lazyBits(args[6]) ? caller.unsupported('a conjugated or negated view') : makeTensor(caller.who, args);
}

/** The same, with the element type before the bits: for the types that have no storage class. */
function typedTensor(caller: Caller, args: readonly PickleValue[]): PickleValue {
  const dtype = args[6];
  if (dtype === undefined || kindOf(dtype) !== 'global') {
    throw malformed(caller.who, 'a tensor without a type', 'a type');
  }
  if (lazyBits(args[7])) return caller.unsupported('a conjugated or negated view');
  const { name } = dtype as Global;
  return makeTypedTensor(caller.who, args, name) ?? caller.unsupported(`a tensor of ${name}`);
}

/** Whether numbers must be conjugated or negated when they are read. */
function lazyBits(bits: PickleValue | undefined): boolean {
  return bits instanceof Map && (bits.get('conj') === true || bits.get('neg') === true);
}

/** A parameter is the tensor that it was made of. */
function parameter({ who }: Caller, [data]: readonly PickleValue[]): PickleValue {
  if (data !== undefined && (kindOf(data) === 'tensor' || isUnknown(data))) return data;
  throw malformed(who, 'a parameter of no tensor', 'one');
}

/** (tensor, type, device, needs gradient): a tensor of a device whose storages cannot be saved. */
function keptOnCpu(caller: Caller, [data, type]: readonly PickleValue[]): PickleValue {
  const kept = parameter(caller, data === undefined ? [] : [data]);
  const same =
    isUnknown(kept) ||
    (type !== undefined &&
      kindOf(type) === 'global' &&
      (type as Global).name === `torch.${(kept as TensorView).dtype}`);
  return same ? kept : caller.unsupported('a tensor kept in another type than its own');
}

/** (function, class, arguments, attributes): a tensor with attributes, or of a class of its own. */
function fromType(caller: Caller, [callee, , args]: readonly PickleValue[]): PickleValue {
  const made = callee !== undefined && kindOf(callee) === 'global' ? calls.get((callee as Global).name) : undefined;
  if (!made || made === fromType || !Array.isArray(args)) {
    throw malformed(caller.who, 'a tensor that is made by something else', 'a function that makes tensors');
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
