import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isTesseraError, type TesseraError } from '@tessera/errors';

/** For this package's tests only; not exported. */
export function fixture(name: string): string {
  return fileURLToPath(new URL(`../../fixtures/${name}`, import.meta.url));
}

/** Runs with a temporary folder that is gone afterwards. */
export async function inTemporaryFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'tessera-checkpoints-'));
  try {
    return await work(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** The TesseraError that a promise ends in; anything else fails the test. */
export async function refusal(promise: Promise<unknown>): Promise<TesseraError> {
  try {
    await promise;
  } catch (error) {
    if (isTesseraError(error)) return error;
    throw error;
  }
  throw new Error('was accepted');
}

/** One file of a test archive. */
export interface TestEntry {
  readonly name: string;
  readonly bytes: Uint8Array;
  /** As zip64: sizes and offset in the extra field. */
  readonly wide?: boolean;
  readonly method?: number;
}

/** A zip archive without checksums, which the reader does not look at. */
export function testZip(entries: readonly TestEntry[]): Buffer {
  const files: Buffer[] = [];
  const directory: Buffer[] = [];
  let at = 0;
  for (const entry of entries) {
    const name = Buffer.from(entry.name);
    const local = Buffer.alloc(30);
    local.writeUInt32LE(0x04034b50, 0);
    local.writeUInt16LE(name.length, 26);
    directory.push(directoryRecord(entry, name, at));
    files.push(local, name, Buffer.from(entry.bytes));
    at += 30 + name.length + entry.bytes.length;
  }
  const listing = Buffer.concat(directory);
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50, 0);
  end.writeUInt16LE(entries.length, 8);
  end.writeUInt16LE(entries.length, 10);
  end.writeUInt32LE(listing.length, 12);
  end.writeUInt32LE(at, 16);
  return Buffer.concat([...files, listing, ...endRecords64(entries.length, { size: listing.length, offset: at }), end]);
}

function directoryRecord({ bytes, wide, method }: TestEntry, name: Buffer, header: number): Buffer {
  const record = Buffer.alloc(46);
  record.writeUInt32LE(0x02014b50, 0);
  record.writeUInt16LE(method ?? 0, 10);
  record.writeUInt16LE(name.length, 28);
  const numbers = [bytes.length, bytes.length, header];
  if (!wide) {
    [20, 24, 42].forEach((field, index) => record.writeUInt32LE(numbers[index]!, field));
    return Buffer.concat([record, name]);
  }
  for (const field of [20, 24, 42]) record.writeUInt32LE(0xffffffff, field);
  const extra = Buffer.alloc(28);
  extra.writeUInt16LE(1, 0);
  extra.writeUInt16LE(24, 2);
  numbers.forEach((number, index) => extra.writeBigUInt64LE(BigInt(number), 4 + 8 * index));
  record.writeUInt16LE(extra.length, 30);
  return Buffer.concat([record, name, extra]);
}

function endRecords64(count: number, { size, offset }: { readonly size: number; readonly offset: number }): Buffer[] {
  const record = Buffer.alloc(56);
  record.writeUInt32LE(0x06064b50, 0);
  record.writeBigUInt64LE(44n, 4);
  record.writeBigUInt64LE(BigInt(count), 24);
  record.writeBigUInt64LE(BigInt(count), 32);
  record.writeBigUInt64LE(BigInt(size), 40);
  record.writeBigUInt64LE(BigInt(offset), 48);
  const locator = Buffer.alloc(20);
  locator.writeUInt32LE(0x07064b50, 0);
  locator.writeBigUInt64LE(BigInt(offset + size), 8);
  return [record, locator];
}

/** A pickle of `{'x': tensor}` in one storage `0` of float32, or of bare bytes that its type explains. */
export function tensorPickle(tensor: {
  readonly elements: number;
  readonly shape: readonly number[];
  readonly strides: readonly number[];
  readonly offset?: number;
  /** `uint16`; `elements` then counts bytes. */
  readonly type?: string;
}): Buffer {
  const { type } = tensor;
  return Buffer.concat([
    Buffer.from([0x80, 2, 0x7d]),
    text('x'),
    Buffer.from(`ctorch._utils\n_rebuild_tensor_${type ? 'v3' : 'v2'}\n((`),
    text('storage'),
    Buffer.from(type ? 'ctorch.storage\nUntypedStorage\n' : 'ctorch\nFloatStorage\n'),
    text('0'),
    text('cpu'),
    long(tensor.elements),
    Buffer.from('tQ'),
    long(tensor.offset ?? 0),
    ...[tensor.shape, tensor.strides].flatMap((list) => [Buffer.from('('), ...list.map(long), Buffer.from('t')]),
    Buffer.from([0x89]),
    Buffer.from(`ccollections\nOrderedDict\n)R${type ? `ctorch\n${type}\n` : ''}tRs.`),
  ]);
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value);
  const length = Buffer.alloc(5, 0x58);
  length.writeUInt32LE(bytes.length, 1);
  return Buffer.concat([length, bytes]);
}

function long(value: number): Buffer {
  const bytes = Buffer.alloc(10);
  bytes[0] = 0x8a;
  bytes[1] = 8;
  bytes.writeBigInt64LE(BigInt(value), 2);
  return bytes;
}
