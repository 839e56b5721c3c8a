import { TesseraError } from '@tessera/errors';
import type { ByteSource } from '../byte-source.ts';

const endRecord = 0x06054b50;
const endRecordSize = 22;
const endLocator64 = 0x07064b50;
const endLocator64Size = 20;
const endRecord64 = 0x06064b50;
const endRecord64Size = 56;
const directoryRecord = 0x02014b50;
const directoryRecordSize = 46;
const localRecord = 0x04034b50;
const localRecordSize = 30;
const longestComment = 65_535;
const largestDirectory = 1 << 24;
/** In a 32-bit field: the true value is in the zip64 extra field. */
const elsewhere = 0xffffffff;

/** Where an entry's uncompressed bytes lie in the file. */
export interface ZipEntry {
  readonly offset: number;
  readonly size: number;
}

interface DirectoryEntry {
  readonly name: string;
  readonly stored: boolean;
  readonly size: number;
  /** Of the entry's local header. */
  readonly header: number;
}

/**
 * Entries of a zip archive by name, zip64 included. Weight files store their entries without compression, so that each
 * can be read by its range.
 * @throws zip-malformed, zip-compressed, checkpoint-truncated
 */
export async function readZipDirectory(source: ByteSource): Promise<ReadonlyMap<string, ZipEntry>> {
  const { offset, size } = await findDirectory(source);
  if (size > largestDirectory) throw malformed(source, `a directory of ${size} bytes`);
  const entries = new Map<string, ZipEntry>();
  for (const entry of parseDirectory(source, await source.read(offset, size))) {
    if (entries.has(entry.name)) throw malformed(source, `two entries named ${JSON.stringify(entry.name)}`);
    entries.set(entry.name, await locate(source, entry));
  }
  return entries;
}

async function findDirectory(source: ByteSource): Promise<ZipEntry> {
  const tailSize = Math.min(source.size, endRecordSize + longestComment);
  const tailStart = source.size - tailSize;
  const tail = view(await source.read(tailStart, tailSize));
  for (let at = tailSize - endRecordSize; at >= 0; at--) {
    if (tail.getUint32(at, true) !== endRecord) continue;
    const size = tail.getUint32(at + 12, true);
    const offset = tail.getUint32(at + 16, true);
    const locator = tailStart + at - endLocator64Size;
    if (locator < 0) return { offset, size };
    return (await findDirectory64(source, locator)) ?? { offset, size };
  }
  throw new TesseraError({
    code: 'checkpoint-truncated',
    who: source.path,
    got: 'a zip file without its directory',
    expected: 'a complete file',
    next: 'Copy or download it again.',
  });
}

async function findDirectory64(source: ByteSource, locator: number): Promise<ZipEntry | null> {
  const found = view(await source.read(locator, endLocator64Size));
  if (found.getUint32(0, true) !== endLocator64) return null;
  const record = view(await source.read(Number(found.getBigUint64(8, true)), endRecord64Size));
  if (record.getUint32(0, true) !== endRecord64) throw malformed(source, 'a zip64 locator that points nowhere');
  return { size: Number(record.getBigUint64(40, true)), offset: Number(record.getBigUint64(48, true)) };
}

function* parseDirectory(source: ByteSource, bytes: Uint8Array): Generator<DirectoryEntry> {
  const directory = view(bytes);
  for (let at = 0; at < bytes.length;) {
    if (at + directoryRecordSize > bytes.length || directory.getUint32(at, true) !== directoryRecord) {
      throw malformed(source, `a damaged directory at its byte ${at}`);
    }
    const nameEnd = at + directoryRecordSize + directory.getUint16(at + 28, true);
    const extraEnd = nameEnd + directory.getUint16(at + 30, true);
    const end = extraEnd + directory.getUint16(at + 32, true);
    if (end > bytes.length) throw malformed(source, `a damaged directory at its byte ${at}`);
    const large = wideFields(view(bytes.subarray(nameEnd, extraEnd)));
    const wide = (short: number): number => (short === elsewhere ? (large.shift() ?? short) : short);
    // The zip64 field lists only what did not fit, in this order.
    const size = wide(directory.getUint32(at + 24, true));
    const packed = wide(directory.getUint32(at + 20, true));
    const header = wide(directory.getUint32(at + 42, true));
    const name = new TextDecoder().decode(bytes.subarray(at + directoryRecordSize, nameEnd));
    const encrypted = (directory.getUint16(at + 8, true) & 1) === 1;
    const method = directory.getUint16(at + 10, true);
    yield { name, size, header, stored: method === 0 && packed === size && !encrypted };
    at = end;
  }
}

/** Numbers of the zip64 extra field, or none. */
function wideFields(extra: DataView): number[] {
  for (let at = 0; at + 4 <= extra.byteLength;) {
    const end = at + 4 + extra.getUint16(at + 2, true);
    if (extra.getUint16(at, true) === 1) {
      const values: number[] = [];
      for (let field = at + 4; field + 8 <= Math.min(end, extra.byteLength); field += 8) {
        values.push(Number(extra.getBigUint64(field, true)));
      }
      return values;
    }
    at = end;
  }
  return [];
}

async function locate(source: ByteSource, entry: DirectoryEntry): Promise<ZipEntry> {
  if (!entry.stored) {
    throw new TesseraError({
      code: 'zip-compressed',
      who: source.path,
      got: `the compressed or encrypted entry ${JSON.stringify(entry.name)}`,
      expected: 'entries stored as they are, as torch.save writes them',
      next: 'Unpack the archive and save it again with torch.save.',
    });
  }
  const local = view(await source.read(entry.header, localRecordSize));
  if (local.getUint32(0, true) !== localRecord) {
    throw malformed(source, `no entry where ${JSON.stringify(entry.name)} should be`);
  }
  const offset = entry.header + localRecordSize + local.getUint16(26, true) + local.getUint16(28, true);
  if (offset + entry.size > source.size) {
    throw malformed(source, `the entry ${JSON.stringify(entry.name)} reaching beyond the end of the file`);
  }
  return { offset, size: entry.size };
}

function view(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function malformed({ path }: ByteSource, got: string): TesseraError {
  return new TesseraError({
    code: 'zip-malformed',
    who: path,
    got,
    expected: 'a zip archive as torch.save writes it',
    next: 'Copy or download it again.',
  });
}
