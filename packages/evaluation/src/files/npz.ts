import type { Readable } from 'node:stream';
import { crc32 } from 'node:zlib';
import { isTesseraError, TesseraError } from '@tessera/errors';
import { openPromise, type Entry, type ZipFile } from 'yauzl';
import { type ArrayHeader, byteLength, headerLength, type Numbers, numbersOf, readHeader } from './npy.ts';

/** An array as it is in the file. */
interface FileArray {
  readonly shape: readonly number[];
  readonly values: Numbers;
}

/** The arrays of an `.npz` file. Nothing in it is executed, and no array is larger than its header and the file say. */
export interface NpzFile {
  readonly path: string;
  readonly names: readonly string[];
  header(name: string): Promise<ArrayHeader>;
  /** A whole array of at most a gigabyte. @throws TesseraError `npz-array-missing`, `npz-array-large` */
  array(name: string): Promise<FileArray>;
  /** The bytes of an array of any size in pieces of `size`; the last piece may be shorter. */
  pieces(name: string, size: number): AsyncGenerator<Uint8Array>;
  close(): void;
}

const LARGEST = 2 ** 30;
const MOST_ENTRIES = 1000;
/** Deflate makes nothing smaller than this. */
const MOST_SHRUNK = 1040;

/**
 * Opens an archive of `numpy.savez` or `numpy.savez_compressed`.
 * @throws TesseraError `npz-unreadable`, `npz-malformed`, and those of `readHeader`
 */
export async function openNpz(path: string): Promise<NpzFile> {
  const zip = await openPromise(path, { lazyEntries: true, autoClose: false }).catch((cause: unknown) => {
    throw isMissing(cause) ? unreadable(path, cause) : malformed(path, `a damaged archive (${String(cause)})`, cause);
  });
  try {
    const entries = await entriesOf(zip, path);
    return { path, names: [...entries.keys()], close: () => zip.close(), ...readersOf(zip, entries, path) };
  } catch (error) {
    zip.close();
    throw isTesseraError(error) ? error : malformed(path, `a damaged archive (${String(error)})`, error);
  }
}

async function entriesOf(zip: ZipFile, path: string): Promise<ReadonlyMap<string, Entry>> {
  if (zip.entryCount > MOST_ENTRIES) throw malformed(path, `${zip.entryCount} entries`);
  const entries = new Map<string, Entry>();
  for await (const entry of zip.eachEntry()) {
    const name = String(entry.fileName);
    if (!name.endsWith('.npy')) continue;
    if (entries.has(name.slice(0, -4))) throw malformed(path, `two arrays named ${name.slice(0, -4)}`);
    entries.set(name.slice(0, -4), entry);
  }
  return entries;
}

function readersOf(
  zip: ZipFile,
  entries: ReadonlyMap<string, Entry>,
  path: string,
): Pick<NpzFile, 'header' | 'array' | 'pieces'> {
  const open = async (name: string): Promise<{ header: ArrayHeader; bytes: ByteReader }> => {
    const entry = entries.get(name);
    if (entry === undefined) throw missing(path, name, [...entries.keys()]);
    const who = `${path}: ${name}`;
    const bytes = new ByteReader(await zip.openReadStreamPromise(entry), { who, checksum: entry.crc32 });
    const first = await bytes.take(12);
    const rest = await bytes.take(headerLength(first, who) - first.length);
    const header = readHeader(Buffer.concat([first, rest]), who);
    const [found, expected] = [entry.uncompressedSize - header.start, byteLength(header)];
    if (entry.uncompressedSize > MOST_SHRUNK * entry.compressedSize)
      throw malformed(who, 'a length that no archive holds');
    if (found !== expected) throw malformed(who, `${found} bytes of numbers, where its header says ${expected}`);
    return { header, bytes };
  };
  return {
    async header(name) {
      const { header, bytes } = await open(name);
      bytes.close();
      return header;
    },
    async array(name) {
      const { header, bytes } = await open(name);
      const length = byteLength(header);
      if (length > LARGEST) throw tooLarge(`${path}: ${name}`, length);
      const values = numbersOf(await bytes.take(length), header.type);
      await bytes.finish();
      return { shape: header.shape, values };
    },
    async *pieces(name, size) {
      const { header, bytes } = await open(name);
      try {
        for (let left = byteLength(header); left > 0; left -= size) yield await bytes.take(Math.min(size, left));
        await bytes.finish();
      } finally {
        bytes.close();
      }
    },
  };
}

/** Reads so many bytes at a time from a stream. yauzl refuses an entry that holds more or fewer bytes than it says. */
class ByteReader {
  readonly #stream: Readable;
  readonly #chunks: AsyncIterator<Buffer>;
  readonly #who: string;
  readonly #checksum: number;
  #found = 0;
  #rest = Buffer.alloc(0);

  constructor(stream: Readable, { who, checksum }: { readonly who: string; readonly checksum: number }) {
    this.#stream = stream;
    this.#chunks = stream[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
    this.#who = who;
    this.#checksum = checksum;
  }

  async take(length: number): Promise<Uint8Array> {
    const out = Buffer.alloc(length);
    for (let at = 0; at < length;) {
      if (this.#rest.length === 0) this.#rest = await this.#next();
      const copied = this.#rest.copy(out, at);
      this.#rest = this.#rest.subarray(copied);
      at += copied;
    }
    return out;
  }

  /** After the last number: the bytes must be those that were written. */
  async finish(): Promise<void> {
    await this.#read();
    if (this.#found !== this.#checksum) throw malformed(this.#who, 'bytes that differ from their checksum');
  }

  async #next(): Promise<Buffer<ArrayBuffer>> {
    const chunk = await this.#read();
    if (chunk === null) throw malformed(this.#who, 'an entry that breaks off');
    return chunk;
  }

  /** Null at the end. */
  async #read(): Promise<Buffer<ArrayBuffer> | null> {
    const { done, value } = await this.#chunks.next().catch((cause: unknown) => {
      throw malformed(this.#who, `a damaged entry (${String(cause)})`, cause);
    });
    if (done) return null;
    this.#found = crc32(value, this.#found);
    return value as Buffer<ArrayBuffer>;
  }

  close(): void {
    this.#stream.destroy();
  }
}

function isMissing(cause: unknown): boolean {
  return ['ENOENT', 'EACCES', 'EISDIR', 'EPERM'].includes((cause as NodeJS.ErrnoException).code ?? '');
}

function unreadable(who: string, cause: unknown): TesseraError {
  const next = 'Check the path.';
  return new TesseraError({
    code: 'npz-unreadable',
    who,
    got: 'no readable file',
    expected: 'an npz file',
    next,
    cause,
  });
}

function missing(who: string, name: string, names: readonly string[]): TesseraError {
  const got = names.length === 0 ? 'no arrays' : `the arrays ${names.join(', ')}`;
  return new TesseraError({ code: 'npz-array-missing', who, got, expected: `an array named ${name}` });
}

function tooLarge(who: string, bytes: number): TesseraError {
  const expected = `at most ${LARGEST} in one array that is read whole`;
  return new TesseraError({ code: 'npz-array-large', who, got: `${bytes} bytes`, expected });
}

function malformed(who: string, got: string, cause?: unknown): TesseraError {
  return new TesseraError({
    code: 'npz-malformed',
    who,
    got,
    expected: 'an archive as numpy.savez writes it',
    next: 'Copy or download it again.',
    cause,
  });
}
