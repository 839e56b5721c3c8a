import { open, rename, rm, type FileHandle } from 'node:fs/promises';
import { TesseraError } from '@tessera/errors';
import { bytesPerElement, elementCount, type DType } from './checkpoint.ts';
import { safetensorsNames } from './safetensors.ts';

/** A tensor to write. `bytes` is called just before it is written, so that one tensor at a time is in memory. */
export interface WritableTensor {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: readonly number[];
  /** Row-major, little-endian. */
  bytes(): Uint8Array | Promise<Uint8Array>;
}

/**
 * Writes a safetensors file completely or not at all: into a temporary file beside it, which is then renamed. The same
 * tensors give the same bytes in any order: they are sorted by element size, largest first (which aligns every tensor),
 * then by name.
 * @throws safetensors-write for a name that occurs twice, or bytes that disagree with the shape
 */
export async function writeSafetensors(
  path: string,
  tensors: readonly WritableTensor[],
  metadata: Readonly<Record<string, string>> = {},
): Promise<void> {
  const sorted = tensors.toSorted(
    (a, b) => bytesPerElement(b.dtype) - bytesPerElement(a.dtype) || (a.name < b.name ? -1 : 1),
  );
  const header = makeHeader(path, sorted, metadata);
  const temporary = `${path}.${process.pid}.tmp`;
  const file = await open(temporary, 'w');
  try {
    await writeAll(file, header);
    for (const tensor of sorted) await writeAll(file, await checkedBytes(path, tensor));
    await file.sync();
    await file.close();
    await rename(temporary, path);
  } catch (error) {
    await file.close();
    await rm(temporary, { force: true });
    throw error;
  }
}

function makeHeader(
  path: string,
  tensors: readonly WritableTensor[],
  metadata: Readonly<Record<string, string>>,
): Uint8Array {
  const entries = new Map<string, unknown>();
  if (Object.keys(metadata).length > 0) {
    entries.set('__metadata__', Object.fromEntries(Object.entries(metadata).sort(([a], [b]) => (a < b ? -1 : 1))));
  }
  let at = 0;
  for (const tensor of tensors) {
    if (entries.has(tensor.name)) throw wrong(path, `two tensors named ${tensor.name}`, 'one of each name');
    const end = at + byteLength(tensor);
    const { name, dtype, shape } = tensor;
    const known = safetensorsNames[dtype];
    if (known === null) throw wrong(path, `${name} of ${dtype}`, 'a type that safetensors has');
    entries.set(name, { dtype: known, shape, data_offsets: [at, end] });
    at = end;
  }
  const json = Buffer.from(JSON.stringify(Object.fromEntries(entries)));
  const padded = Math.ceil(json.length / 8) * 8;
  const header = Buffer.alloc(8 + padded, ' ');
  header.writeBigUInt64LE(BigInt(padded));
  json.copy(header, 8);
  return header;
}

async function checkedBytes(path: string, tensor: WritableTensor): Promise<Uint8Array> {
  const bytes = await tensor.bytes();
  if (bytes.length === byteLength(tensor)) return bytes;
  throw wrong(path, `${bytes.length} bytes for ${tensor.name}`, `${byteLength(tensor)} by its shape and type`);
}

function byteLength({ dtype, shape }: WritableTensor): number {
  return elementCount(shape) * bytesPerElement(dtype);
}

async function writeAll(file: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let done = 0; done < bytes.length;) {
    done += (await file.write(bytes, done, Math.min(bytes.length - done, 1 << 26))).bytesWritten;
  }
}

function wrong(who: string, got: string, expected: string): TesseraError {
  return new TesseraError({ code: 'safetensors-write', who, got, expected });
}
