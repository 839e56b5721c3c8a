import { isTesseraError, TesseraError } from '@tessera/errors';
import { fromRandomAccessReaderPromise, RandomAccessReader, type Entry, type ZipFile } from 'yauzl';
import type { ByteSource } from '../byte-source.ts';
import { torchEnvironment, type UnknownObjects } from './allow-list.ts';
import type { Environment } from './pickle-machine.ts';
import { byteLengthOf, malformed, type PickleValue, type Storage } from './pickle-values.ts';
import type { TorchFile } from './torch-checkpoint.ts';
import { unpickle } from './unpickle.ts';

const largestPickle = 1 << 26;
/** Many times what checkpoints have: one for each storage. */
const mostEntries = 1 << 18;

/**
 * torch.save's form since 1.6: `NAME/data.pkl` describes, `NAME/data/KEY` holds one storage each. Other entries
 * (`version`, `.format_version`, ...) are tolerated.
 */
export async function openZipFile(source: ByteSource, unknown: UnknownObjects): Promise<TorchFile> {
  const entries = await readZipDirectory(source);
  const [name, ...others] = [...entries.keys()].filter((key) => /^[^/]*\/data\.pkl$/.test(key));
  if (name === undefined || others.length > 0) {
    throw new TesseraError({
      code: 'checkpoint-format-unknown',
      who: source.path,
      got: `a zip archive with ${others.length === 0 ? 'no' : 'more than one'} data.pkl`,
      expected: 'an archive written by torch.save',
    });
  }
  const prefix = name.slice(0, -'data.pkl'.length);
  const met = new Set<string>();
  return {
    root: await readRoot(source, entries.get(name)!, torchEnvironment(source.path, { unknown, met })),
    met,
    bigEndian: await isBigEndian(source, entries.get(`${prefix}byteorder`)),
    locate: (storage) => locate(source.path, storage, entries.get(`${prefix}data/${storage.key}`)),
  };
}

async function readRoot(
  source: ByteSource,
  { offset, size }: ZipEntry,
  environment: Environment,
): Promise<PickleValue> {
  if (size > largestPickle) throw malformed(source.path, `a description of ${size} bytes`, 'a description of tensors');
  const bytes = await source.read(offset, size);
  const result = unpickle(bytes, environment, { start: 0, who: source.path });
  if (result === null) throw malformed(source.path, 'a description that breaks off', 'a complete one');
  return result.value;
}

async function isBigEndian(source: ByteSource, entry: ZipEntry | undefined): Promise<boolean> {
  if (entry === undefined) return false;
  const text = new TextDecoder().decode(await source.read(entry.offset, Math.min(entry.size, 16)));
  if (text === 'little' || text === 'big') return text === 'big';
  throw malformed(source.path, `the byte order ${JSON.stringify(text)}`, '"little" or "big"');
}

function locate(who: string, storage: Storage, entry: ZipEntry | undefined): number {
  if (entry === undefined) {
    throw new TesseraError({
      code: 'tensor-storage-missing',
      who,
      got: `no bytes for storage ${JSON.stringify(storage.key)}`,
      expected: 'the bytes of every tensor',
      next: 'Copy or download the file again.',
    });
  }
  const size = byteLengthOf(storage);
  if (entry.size >= size) return entry.offset;
  throw new TesseraError({
    code: 'tensor-storage-short',
    who,
    got: `${entry.size} bytes for storage ${JSON.stringify(storage.key)}`,
    expected: `${size}`,
    next: 'Copy or download the file again.',
  });
}

/** Where an entry's bytes are in the file. */
interface ZipEntry {
  readonly offset: number;
  readonly size: number;
}

/**
 * Entries of a zip archive by name, zip64 included. Weight files store their entries without compression, so that each
 * can be read by its range. yauzl checks headers against each other and against the size of the file.
 * @throws zip-malformed, zip-compressed, checkpoint-truncated
 */
async function readZipDirectory(source: ByteSource): Promise<ReadonlyMap<string, ZipEntry>> {
  const entries = new Map<string, ZipEntry>();
  try {
    const zip = await openZip(source);
    if (zip.entryCount > mostEntries) throw malformedZip(source, `${zip.entryCount} entries`);
    for await (const entry of zip.eachEntry()) {
      const name = new TextDecoder().decode(entry.fileNameRaw);
      if (entries.has(name)) throw malformedZip(source, `two entries named ${JSON.stringify(name)}`);
      requireStored(source, name, entry);
      const { fileDataStart } = await zip.readLocalFileHeaderPromise(entry, { minimal: true });
      entries.set(name, { offset: fileDataStart, size: entry.uncompressedSize });
    }
  } catch (error) {
    throw isTesseraError(error) ? error : malformedZip(source, `a damaged archive (${String(error)})`, error);
  }
  return entries;
}

/** Without its directory, which is at its end, an archive was cut off. */
async function openZip(source: ByteSource): Promise<ZipFile> {
  const options = { lazyEntries: true, autoClose: false, decodeStrings: false };
  return fromRandomAccessReaderPromise(new SourceReader(source), source.size, options).catch((cause: Error) => {
    if (!/^End of central directory record signature not found/.test(cause.message)) throw cause;
    throw new TesseraError({
      code: 'checkpoint-truncated',
      who: source.path,
      got: 'a zip file without its directory',
      expected: 'a complete file',
      next: 'Copy or download it again.',
      cause,
    });
  });
}

class SourceReader extends RandomAccessReader {
  readonly #source: ByteSource;

  constructor(source: ByteSource) {
    super();
    this.#source = source;
  }

  override read(
    ...[buffer, offset, length, position, done]: Parameters<RandomAccessReader['read']>
  ): ReturnType<RandomAccessReader['read']> {
    const read = async (): Promise<number> => {
      buffer.set(await this.#source.read(position, length), offset);
      return length;
    };
    // The declared type of the callback leaves the number of bytes out.
    read().then((count) => (done as (error: null, count: number) => void)(null, count), done);
  }
}

function requireStored(source: ByteSource, name: string, entry: Entry): void {
  const { compressionMethod, compressedSize, uncompressedSize } = entry;
  if (compressionMethod === 0 && compressedSize === uncompressedSize && !entry.isEncrypted()) return;
  throw new TesseraError({
    code: 'zip-compressed',
    who: source.path,
    got: `the compressed or encrypted entry ${JSON.stringify(name)}`,
    expected: 'entries stored as they are, as torch.save writes them',
    next: 'Unpack the archive and save it again with torch.save.',
  });
}

function malformedZip({ path }: ByteSource, got: string, cause?: unknown): TesseraError {
  return new TesseraError({
    code: 'zip-malformed',
    who: path,
    got,
    expected: 'a zip archive as torch.save writes it',
    next: 'Copy or download it again.',
    cause,
  });
}
