import { TesseraError } from '@tessera/errors';
import { ByteReader, Machine, OutOfBytes, type Environment } from './pickle-machine.ts';
import { isUnknown, kindOf, malformed, type Instance, type PickleKey, type PickleValue } from './pickle-values.ts';

const proto = 0x80;
const stop = 0x2e;
const newestProtocol = 5;
/** Ten times what the largest published checkpoint with its optimiser's state needs. */
const mostInstructions = 2_000_000;

interface Unpickled {
  readonly value: PickleValue;
  /** Where the pickle ended. */
  readonly end: number;
}

/**
 * Reads one pickle as data. Globals are looked up in `environment`; nothing is executed.
 * @returns null if the pickle continues after `bytes`
 * @throws pickle-malformed, pickle-too-large, pickle-global-refused
 */
export function unpickle(
  bytes: Uint8Array,
  environment: Environment,
  { start, who }: { readonly start: number; readonly who: string },
): Unpickled | null {
  const reader = new ByteReader(bytes, start, who);
  try {
    return run(reader, new Machine(reader, environment));
  } catch (error) {
    if (error instanceof OutOfBytes) return null;
    throw error;
  }
}

function run(reader: ByteReader, machine: Machine): Unpickled {
  if (reader.u8() !== proto)
    throw malformed(reader.who, 'a first byte that does not start a pickle', 'a protocol byte');
  const protocol = reader.u8();
  if (protocol < 2 || protocol > newestProtocol) {
    throw malformed(reader.who, `pickle protocol ${protocol}`, `2 to ${newestProtocol}`);
  }
  for (let count = 0; count < mostInstructions; count++) {
    const opcode = reader.u8();
    if (opcode === stop) return { value: machine.pop(), end: reader.position };
    const operation = opcodes.get(opcode);
    if (operation === undefined) {
      throw machine.wrong(`opcode 0x${opcode.toString(16).padStart(2, '0')}`, 'an opcode of a weight file');
    }
    operation(machine);
  }
  throw new TesseraError({
    code: 'pickle-too-large',
    who: reader.who,
    got: `more than ${mostInstructions} pickle instructions`,
    expected: 'a checkpoint of tensors',
  });
}

/** The opcodes that torch.save writes with protocols 2 to 5; those of protocol 0 and of extensions are refused. */
const opcodes: ReadonlyMap<number, (machine: Machine) => void> = new Map([
  // Constants and numbers
  [0x4e, (m) => m.push(null)],
  [0x88, (m) => m.push(true)],
  [0x89, (m) => m.push(false)],
  [0x4a, (m) => m.push(m.reader.i32())],
  [0x4b, (m) => m.push(m.reader.u8())],
  [0x4d, (m) => m.push(m.reader.u16())],
  [0x8a, (m) => m.push(m.reader.integer(m.reader.u8()))],
  [0x8b, (m) => m.push(m.reader.integer(m.reader.u32()))],
  [0x47, (m) => m.push(m.reader.f64())],
  // Text and bytes
  [0x58, (m) => m.push(m.reader.utf8(m.reader.u32()))],
  [0x8c, (m) => m.push(m.reader.utf8(m.reader.u8()))],
  [0x8d, (m) => m.push(m.reader.utf8(m.reader.u64()))],
  [0x55, (m) => m.push(m.reader.utf8(m.reader.u8()))],
  [0x54, (m) => m.push(m.reader.utf8(m.reader.u32()))],
  [0x43, (m) => m.push(m.reader.bytes(m.reader.u8()))],
  [0x42, (m) => m.push(m.reader.bytes(m.reader.u32()))],
  [0x8e, (m) => m.push(m.reader.bytes(m.reader.u64()))],
  [0x96, (m) => m.push(m.reader.bytes(m.reader.u64()))],
  // Containers
  [0x5d, (m) => m.push([])],
  [0x29, (m) => m.push([])],
  [0x7d, (m) => m.push(new Map())],
  [0x8f, (m) => m.push(new Set())],
  [0x74, (m) => m.push(m.popToMark())],
  [0x6c, (m) => m.push(m.popToMark())],
  [0x85, (m) => m.push(popMany(m, 1))],
  [0x86, (m) => m.push(popMany(m, 2))],
  [0x87, (m) => m.push(popMany(m, 3))],
  [0x61, (m) => append(m, [m.pop()])],
  [0x65, (m) => append(m, m.popToMark())],
  [0x73, (m) => setItems(m, popMany(m, 2))],
  [0x75, (m) => setItems(m, m.popToMark())],
  [0x90, (m) => addToSet(m, m.popToMark())],
  [0x91, (m) => m.push(new Set(m.popToMark()))],
  // The stack and the memo
  [0x28, (m) => m.mark()],
  [0x30, (m) => void m.pop()],
  [0x31, (m) => void m.popToMark()],
  [0x32, (m) => m.push(m.top())],
  [0x71, (m) => m.remember(m.reader.u8())],
  [0x72, (m) => m.remember(m.reader.u32())],
  [0x94, (m) => m.rememberNext()],
  [0x68, (m) => m.recall(m.reader.u8())],
  [0x6a, (m) => m.recall(m.reader.u32())],
  // Globals, by the allow-list only
  [0x63, (m) => m.push(m.environment.find(m.reader.line(), m.reader.line()))],
  [0x93, findOnStack],
  [0x52, call],
  [0x81, call],
  [0x92, callWithNames],
  [0x51, (m) => m.push(m.environment.persistent(m.pop()))],
  [0x62, build],
  // Frames only help readers of streams.
  [0x95, (m) => void m.reader.u64()],
]);

function popMany(machine: Machine, count: number): PickleValue[] {
  return Array.from({ length: count }, () => machine.pop()).reverse();
}

function append(machine: Machine, values: readonly PickleValue[]): void {
  const target = machine.top();
  const list = isUnknown(target) ? target.parts : target;
  if (!Array.isArray(list)) throw machine.wrong('items for something else', 'a list');
  for (const value of values) list.push(value);
}

function setItems(machine: Machine, flat: readonly PickleValue[]): void {
  if (flat.length % 2 !== 0) throw machine.wrong('a key without a value', 'pairs');
  const map = machine.topMap();
  for (let index = 0; index < flat.length; index += 2) map.set(asKey(machine, flat[index]!), flat[index + 1]!);
}

/** Keys become names, so tuples and classes are turned into text. */
function asKey(machine: Machine, value: PickleValue): PickleKey {
  if (value === null || typeof value !== 'object') return value;
  if (
    Array.isArray(value) &&
    value.length > 0 &&
    value.length <= 16 &&
    value.every((part) => part === null || typeof part !== 'object')
  ) {
    return `(${value.join(', ')})`;
  }
  if ('kind' in value && (value.kind === 'global' || value.kind === 'unknown')) return value.name;
  throw machine.wrong('a dict key that is neither text, a number nor a short tuple of them', 'plain keys');
}

function addToSet(machine: Machine, values: readonly PickleValue[]): void {
  const target = machine.top();
  if (isUnknown(target)) target.parts.push(...values);
  else if (target instanceof Set) for (const value of values) target.add(value);
  else throw machine.wrong('items for something else', 'a set');
}

function findOnStack(machine: Machine): void {
  const name = machine.popString();
  machine.push(machine.environment.find(machine.popString(), name));
}

function call(machine: Machine): void {
  const args = machine.popArray();
  machine.push(machine.environment.call(machine.popCallable(), args));
}

/** Like `call`, with keyword arguments, which no class of the allow-list takes. */
function callWithNames(machine: Machine): void {
  const named = machine.pop();
  if (!(named instanceof Map)) throw machine.wrong('names that are not a dict', 'arguments by name');
  call(machine);
  const made = machine.top();
  if (isUnknown(made)) for (const [key, value] of named) made.items.set(key, value);
  else if (named.size > 0) throw machine.wrong('arguments by name', 'none');
}

/** Sets attributes of an object. Those of a dict (`_metadata` of OrderedDict) say nothing about tensors and are dropped. */
function build(machine: Machine): void {
  const state = machine.pop();
  const target = machine.top();
  if (isUnknown(target)) {
    if (state instanceof Map) for (const [key, value] of state) target.items.set(key, value);
    else target.parts.push(state);
    return;
  }
  if (!(state instanceof Map)) throw machine.wrong('a state that is not a dict', 'attributes by name');
  if (target instanceof Map) return;
  if (kindOf(target) !== 'instance') throw machine.wrong('attributes for plain data', 'an object');
  for (const [key, value] of state) (target as Instance).attributes.set(key, value);
}
