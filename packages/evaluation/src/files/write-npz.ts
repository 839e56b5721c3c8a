import { createWriteStream } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { ZipFile } from 'yazl';
import { byteLength, type ItemType, writeHeader } from './npy.ts';

/** An array to write: its numbers in little-endian bytes, in pieces of any length. */
export interface WritableArray {
  readonly name: string;
  readonly type: ItemType;
  readonly shape: readonly number[];
  readonly pieces: Iterable<Uint8Array>;
}

/** Writes an `.npz` file without compression, as `numpy.savez` does. The file appears whole or not at all. */
export async function writeNpz(path: string, arrays: readonly WritableArray[]): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const part = `${path}.part`;
  const zip = new ZipFile();
  for (const array of arrays) {
    const header = writeHeader(array);
    zip.addReadStream(Readable.from(bytesOf(header, array)), `${array.name}.npy`, {
      compress: false,
      size: header.length + byteLength(array),
      mtime: new Date(1980, 0, 1),
    });
  }
  zip.end();
  try {
    await pipeline(zip.outputStream, createWriteStream(part));
    await rename(part, path);
  } catch (error) {
    await rm(part, { force: true });
    throw error;
  }
}

function* bytesOf(header: Buffer, { pieces }: WritableArray): Generator<Buffer> {
  yield header;
  for (const { buffer, byteOffset, byteLength: length } of pieces) yield Buffer.from(buffer, byteOffset, length);
}

/** Numbers as the bytes of an array. */
export function bytesOfNumbers(values: Float64Array | Float32Array | Int32Array): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}
