import { TesseraError } from '@tessera/errors';

/** Pictures (PNG) by the SHA-256 of their bytes, in hex. The same picture is stored once and never changes. */
export interface Blobs {
  readonly kind: 'files' | 's3';
  /**
   * Stores the bytes; readers see all of them or nothing. Where it is there already, it counts as written now.
   * @returns their SHA-256
   * @throws TesseraError `storage-failed`, and nothing is left of it
   */
  put(png: Uint8Array, options?: PutOptions): Promise<string>;
  /** Null where there is none, or the text is not a hash. What was damaged counts as not there. */
  read(sha256: string, range?: ByteRange): Promise<Blob | null>;
  /** Bytes of the whole; null as for `read`. */
  sizeOf(sha256: string): Promise<number | null>;
  /** A file of this machine with the bytes, for the next hour at least; null as for `read`. */
  fileOf(sha256: string): Promise<string | null>;
  /** Everything that is stored, in no order. */
  list(): AsyncIterable<StoredBlob>;
  /** Removes those of them that were last put before that time. */
  remove(sha256s: readonly string[], writtenBefore: Date): Promise<void>;
  /** @throws TesseraError `storage-failed` where pictures cannot be stored now */
  ready(): Promise<void>;
  close(): Promise<void>;
}

export interface PutOptions {
  /**
   * It survives a power cut (true where left out). Where false, writing does not wait for the disk: a picture that a power
   * cut has damaged is not there, and never served in parts.
   */
  readonly durable?: boolean;
}

/** The first and the last byte, both included. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

export interface Blob {
  /** Bytes of the whole, also where a range was asked for. */
  readonly size: number;
  /** To be read or destroyed. */
  readonly stream: NodeJS.ReadableStream & { destroy(error?: Error): unknown };
}

export interface StoredBlob {
  readonly sha256: string;
  readonly size: number;
  readonly writtenAt: Date;
}

export function isSha256(text: string): boolean {
  return /^[0-9a-f]{64}$/.test(text);
}

/** Error `storage-failed`: pictures could not be stored or read. */
export function storageFailed(where: string, cause: unknown): TesseraError {
  const { code, name, message } = cause as { code?: unknown; name?: unknown; message?: unknown };
  const why = typeof code === 'string' ? code : `${String(name)}: ${String(message)}`;
  return new TesseraError({
    code: 'storage-failed',
    who: 'blobs',
    got: `an error of ${where} (${why})`,
    expected: 'room and permission to store pictures',
    next: 'Look at that storage, then send it again.',
    cause,
  });
}
