import type { ByteReader } from './byte-reader.ts';
import { malformed } from './pickle-error.ts';
import { isUnknown, type Global, type PickleKey, type PickleValue, type Unknown } from './value.ts';

/** What a pickle may name: everything else is refused or stood in for. Nothing of the file is ever executed. */
export interface Environment {
  /** @throws pickle-global-refused */
  find(module: string, name: string): Global | Unknown;
  /** The result of calling an allowed global, as data; of an unknown one, another that stands for the result. */
  call(callee: Global | Unknown, args: readonly PickleValue[]): PickleValue;
  /** A reference to bytes outside the pickle: a storage. */
  persistent(id: PickleValue): PickleValue;
}

/** The stack machine that a pickle programs. */
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

  /** Everything above the last mark; the mark goes too. */
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
  return value !== null && typeof value === 'object' && 'kind' in value && value.kind === 'global';
}
