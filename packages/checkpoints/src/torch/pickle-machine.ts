import {
  isUnknown,
  kindOf,
  malformed,
  type Global,
  type PickleKey,
  type PickleValue,
  type Unknown,
} from './pickle-values.ts';

const text = new TextDecoder('utf-8', { fatal: true });

/** Thrown inside this package if a pickle continues after the bytes that were read. */
export class OutOfBytes extends Error {}

/** Reads numbers and texts from bytes, one after the other, little-endian. */
export class ByteReader {
  readonly who: string;
  #bytes: Uint8Array;
  #view: DataView;
  #at: number;

  constructor(bytes: Uint8Array, at: number, who: string) {
    this.who = who;
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#at = at;
  }

  get position(): number {
    return this.#at;
  }

  u8(): number {
    return this.#bytes[this.#take(1)]!;
  }

  u16(): number {
    return this.#view.getUint16(this.#take(2), true);
  }

  u32(): number {
    return this.#view.getUint32(this.#take(4), true);
  }

  i32(): number {
    return this.#view.getInt32(this.#take(4), true);
  }

  /** A length of eight bytes. */
  u64(): number {
    return Number(this.#view.getBigUint64(this.#take(8), true));
  }

  /** Eight bytes, big-endian: the only big-endian number of pickles. */
  f64(): number {
    return this.#view.getFloat64(this.#take(8), false);
  }

  bytes(length: number): Uint8Array {
    const start = this.#take(length);
    return this.#bytes.slice(start, start + length);
  }

  utf8(length: number): string {
    const start = this.#take(length);
    try {
      return text.decode(this.#bytes.subarray(start, start + length));
    } catch {
      throw malformed(this.who, 'a string that is not UTF-8', 'UTF-8 text');
    }
  }

  /** A line without its newline. */
  line(): string {
    const end = this.#bytes.indexOf(10, this.#at);
    if (end < 0) throw new OutOfBytes();
    const line = this.utf8(end - this.#at);
    this.#at += 1;
    return line;
  }

  /** A whole number in two's complement. */
  integer(length: number): number | bigint {
    if (length > 64) throw malformed(this.who, `an integer of ${length} bytes`, 'at most 64 bytes');
    let value = 0n;
    const bytes = this.bytes(length);
    for (const byte of bytes.toReversed()) value = (value << 8n) | BigInt(byte);
    const signed = BigInt.asIntN(Math.max(1, length * 8), value);
    const small = Number(signed);
    return Number.isSafeInteger(small) ? small : signed;
  }

  #take(length: number): number {
    const start = this.#at;
    if (start + length > this.#bytes.length) throw new OutOfBytes();
    this.#at = start + length;
    return start;
  }
}

/** Says what a pickle may name; anything else is refused or replaced by a stand-in. Nothing of the file is executed. */
export interface Environment {
  /** @throws pickle-global-refused */
  find(module: string, name: string): Global | Unknown;
  /** The result of calling an allowed global, as data; for an unknown global, a stand-in for the result. */
  call(callee: Global | Unknown, args: readonly PickleValue[]): PickleValue;
  /** A reference to bytes outside the pickle: a storage. */
  persistent(id: PickleValue): PickleValue;
}

/** The stack machine whose program a pickle is. */
export class Machine {
  readonly reader: ByteReader;
  readonly environment: Environment;
  readonly #memo = new Map<number, PickleValue>();
  readonly #marks: number[] = [];
  readonly #stack: PickleValue[] = [];

  constructor(reader: ByteReader, environment: Environment) {
    this.reader = reader;
    this.environment = environment;
  }

  push(value: PickleValue): void {
    this.#stack.push(value);
  }

  pop(): PickleValue {
    if (this.#stack.length <= (this.#marks.at(-1) ?? 0)) throw this.wrong('an empty stack', 'a value on it');
    return this.#stack.pop()!;
  }

  top(): PickleValue {
    const value = this.pop();
    this.#stack.push(value);
    return value;
  }

  mark(): void {
    this.#marks.push(this.#stack.length);
  }

  /** Removes and returns everything above the last mark, and the mark itself. */
  popToMark(): PickleValue[] {
    const mark = this.#marks.pop();
    if (mark === undefined) throw this.wrong('an opcode that needs a mark', 'a mark before it');
    return this.#stack.splice(mark);
  }

  remember(index: number): void {
    this.#memo.set(index, this.top());
  }

  rememberNext(): void {
    this.remember(this.#memo.size);
  }

  recall(index: number): void {
    const value = this.#memo.get(index);
    if (value === undefined) throw this.wrong(`memo ${index}`, 'a memo that was set before');
    this.push(value);
  }

  popString(): string {
    const value = this.pop();
    if (typeof value !== 'string') throw this.wrong('something else', 'a string');
    return value;
  }

  popArray(): PickleValue[] {
    const value = this.pop();
    if (!Array.isArray(value)) throw this.wrong('something else', 'a list or tuple');
    return value;
  }

  popCallable(): Global | Unknown {
    const value = this.pop();
    if (isGlobal(value) || isUnknown(value)) return value;
    throw this.wrong('a call of something else', 'a call of a global');
  }

  topMap(): Map<PickleKey, PickleValue> {
    const value = this.top();
    if (value instanceof Map) return value;
    if (isUnknown(value)) return value.items;
    throw this.wrong('items for something else', 'a dict');
  }

  wrong(got: string, expected: string): Error {
    return malformed(this.reader.who, `${got} at byte ${this.reader.position}`, expected);
  }
}

function isGlobal(value: PickleValue): value is Global {
  return kindOf(value) === 'global';
}
