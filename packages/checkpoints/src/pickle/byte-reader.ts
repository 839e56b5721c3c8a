import { malformed } from './pickle-error.ts';

const text = new TextDecoder('utf-8', { fatal: true });

/** Thrown inside this package when a pickle goes on beyond the bytes at hand. */
export class OutOfBytes extends Error {}

/** Walks through bytes, little-endian. */
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

  /** Eight bytes, big-endian: the one place where pickles use that order. */
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
