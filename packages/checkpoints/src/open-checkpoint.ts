import { open, type FileHandle } from 'node:fs/promises';
import { TesseraError } from '@tessera/errors';
import { checkRange, readStart, truncated, unknownFormat, type ByteSource, type Range } from './byte-source.ts';
import type { Checkpoint } from './checkpoint.ts';
import { readSafetensors } from './safetensors.ts';
import type { UnknownObjects } from './torch/allow-list.ts';
import { openLegacyFile } from './torch/legacy-file.ts';
import { torchCheckpoint } from './torch/torch-checkpoint.ts';
import { openZipFile } from './torch/zip-file.ts';

export interface OpenOptions {
  /**
   * Objects of a pickle whose classes are not on the allow-list: `refuse` (the default) rejects the file; `skip` leaves
   * them out, lists them in `leftOut`, and still reads the tensors inside them. Nothing is executed either way.
   */
  readonly unknown?: UnknownObjects;
}

/**
 * Opens a weight file by its content, whatever its name: safetensors, PyTorch's zip form, or its older one. Only the
 * description is read; nothing in the file is executed.
 * @throws checkpoint-unreadable, checkpoint-empty, checkpoint-format-unknown, checkpoint-truncated, and the codes of
 * the formats
 */
export async function openCheckpoint(path: string, { unknown = 'refuse' }: OpenOptions = {}): Promise<Checkpoint> {
  const source = await openFile(path);
  try {
    const start = await readStart(source);
    const zip = start[0] === 0x50 && start[1] === 0x4b && start[2] === 3 && start[3] === 4;
    if (zip) return torchCheckpoint(source, await openZipFile(source, unknown), 'torch-zip');
    if (start[8] === 0x7b) return await readSafetensors(source);
    if (start[0] === 0x80) return torchCheckpoint(source, await openLegacyFile(source, unknown), 'torch-legacy');
    throw unknownFormat(source.path, { got: 'a file of another kind' });
  } catch (error) {
    await source.close();
    throw error;
  }
}

/**
 * Refuses files that cannot hold weights: an empty file, a pointer of Git LFS, a web page, another text.
 * @throws checkpoint-unreadable, checkpoint-empty, checkpoint-format-unknown
 */
export async function checkWeightFile(path: string): Promise<void> {
  const source = await openFile(path);
  try {
    await readStart(source);
  } finally {
    await source.close();
  }
}

/** A file, never read as a whole. @throws checkpoint-unreadable if there is no such file, or it is not a plain one */
async function openFile(path: string): Promise<ByteSource> {
  const file = await open(path, 'r').catch((cause: NodeJS.ErrnoException) => {
    throw unreadable(path, cause.code === 'ENOENT' ? 'no file' : `${cause.code ?? String(cause)} on opening`, cause);
  });
  const stat = await file.stat();
  if (!stat.isFile()) {
    await file.close();
    throw unreadable(path, 'something that is not a file');
  }
  const { size } = stat;
  return {
    path,
    size,
    read: (offset, length) => readRange(file, { path, size, offset, length }),
    close: () => file.close(),
  };
}

const largestRead = 1 << 26;
/** Node cannot hold more in one array buffer. */
const largestBuffer = 2 ** 32 - 1;

async function readRange(file: FileHandle, range: Range): Promise<Uint8Array<ArrayBuffer>> {
  checkRange(range);
  const { path, offset, length } = range;
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

function unreadable(path: string, got: string, cause?: unknown): TesseraError {
  return new TesseraError({
    code: 'checkpoint-unreadable',
    who: path,
    got,
    expected: 'a readable file',
    next: 'Check the path.',
    cause,
  });
}
