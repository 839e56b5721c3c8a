import type { Machine } from './machine.ts';
import { isUnknown, kindOf, type Instance, type PickleKey, type PickleValue } from './value.ts';

/** The opcodes that torch.save writes in its protocols 2 to 5. Those of protocol 0 and of extensions are left out. */
export const opcodes: ReadonlyMap<number, (machine: Machine) => void> = new Map([
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
  // Frames only help readers of streams
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

/** Keys become names, so a tuple or a class is a key by what it reads like. */
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
  throw machine.wrong('a dict key that is no text, number or short tuple of them', 'plain keys');
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

/** As `call`, with keyword arguments, which no class of the allow-list takes. */
function callWithNames(machine: Machine): void {
  const named = machine.pop();
  if (!(named instanceof Map)) throw machine.wrong('names that are no dict', 'arguments by name');
  call(machine);
  const made = machine.top();
  if (isUnknown(made)) for (const [key, value] of named) made.items.set(key, value);
  else if (named.size > 0) throw machine.wrong('arguments by name', 'none');
}

/** Attributes of an object. A dict's own (OrderedDict's `_metadata`) say nothing about tensors and are dropped. */
function build(machine: Machine): void {
  const state = machine.pop();
  const target = machine.top();
  if (isUnknown(target)) {
    if (state instanceof Map) for (const [key, value] of state) target.items.set(key, value);
    else target.parts.push(state);
    return;
  }
  if (!(state instanceof Map)) throw machine.wrong('a state that is no dict', 'attributes by name');
  if (target instanceof Map) return;
  if (kindOf(target) !== 'instance') throw machine.wrong('attributes for plain data', 'an object');
  for (const [key, value] of state) (target as Instance).attributes.set(key, value);
}
