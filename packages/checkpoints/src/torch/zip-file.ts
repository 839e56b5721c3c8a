import { TesseraError } from '@tessera/errors';
import type { ByteSource } from '../byte-source.ts';
import type { Environment } from '../pickle/machine.ts';
import { malformed } from '../pickle/pickle-error.ts';
import { unpickle } from '../pickle/unpickle.ts';
import { torchEnvironment, type UnknownObjects } from './environment.ts';
import { byteLengthOf, type Storage } from './tensor-view.ts';
import type { TorchFile } from './torch-file.ts';
import { readZipDirectory, type ZipEntry } from './zip-directory.ts';

const largestPickle = 1 << 26;

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
): Promise<TorchFile['root']> {
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
