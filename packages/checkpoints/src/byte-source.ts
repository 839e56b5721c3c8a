import { open, type FileHandle } from 'node:fs/promises';
import { TesseraError } from '@tessera/errors';

const largestRead = 1 << 26;
/** Node cannot hold more in one array buffer. */
const largestBuffer = 2 ** 32 - 1;

/** A file read by ranges, never as a whole. */
export interface ByteSource {
  readonly path: string;
  readonly size: number;
  /** Fresh bytes in a buffer of their own. @throws checkpoint-truncated when the range leaves the file. */
  read(offset: number, length: number): Promise<Uint8Array<ArrayBuffer>>;
  close(): Promise<void>;
}

/** @throws checkpoint-unreadable when there is no such file, or it is not a plain one. */
export async function openByteSource(path: string): Promise<ByteSource> {
  const file = await openFile(path);
  const stat = await file.stat();
  if (!stat.isFile()) {
    await file.close();
    throw unreadable(path, 'something that is not a file', undefined);
  }
  const size = stat.size;
  return {
    path,
    size,
    read: (offset, length) => readRange(file, { path, size, offset, length }),
    close: () => file.close(),
  };
}

async function openFile(path: string): Promise<FileHandle> {
  try {
    return await open(path, 'r');
  } catch (cause) {
    const reason = cause instanceof Error && 'code' in cause ? String(cause.code) : String(cause);
    throw unreadable(path, reason === 'ENOENT' ? 'no file' : `${reason} on opening`, cause);
  }
}

interface Range {
  readonly path: string;
  readonly size: number;
  readonly offset: number;
  readonly length: number;
}

async function readRange(file: FileHandle, range: Range): Promise<Uint8Array<ArrayBuffer>> {
  const { path, size, offset, length } = range;
  const inside = Number.isSafeInteger(offset) && Number.isSafeInteger(length) && offset >= 0 && length >= 0;
  if (!inside || offset + length > size) throw truncated(range);
  if (length > largestBuffer) {
    throw new TesseraError({
      code: 'tensor-too-large',
      who: path,
      got: `${length} bytes in one piece`,
      expected: `at most ${largestBuffer}`,
    });
  }
  const bytes = new Uint8Array(length);
  for (let done = 0; done < length;) {
    const want = Math.min(largestRead, length - done);
    const { bytesRead } = await file.read(bytes, done, want, offset + done);
    if (bytesRead === 0) throw truncated(range);
    done += bytesRead;
  }
  return bytes;
}

function truncated({ path, size, offset, length }: Range): TesseraError {
  return new TesseraError({
    code: 'checkpoint-truncated',
    who: path,
    got: `a file of ${size} bytes that should hold ${length} bytes at ${offset}`,
    expected: 'a complete file',
    next: 'Copy or download it again.',
  });
}

function unreadable(path: string, got: string, cause: unknown): TesseraError {
  return new TesseraError({
    code: 'checkpoint-unreadable',
    who: path,
    got,
    expected: 'a readable file',
    next: 'Check the path.',
    cause,
  });
}
