import { TesseraError } from '@tessera/errors';
import type { ByteSource } from '../byte-source.ts';
import { torchEnvironment, type UnknownObjects } from './allow-list.ts';
import type { Environment } from './pickle-machine.ts';
import { byteLengthOf, malformed, type PickleValue, type Storage } from './pickle-values.ts';
import type { TorchFile } from './torch-checkpoint.ts';
import { unpickle } from './unpickle.ts';

const magic = 0x1950a86a20f9469cfc6cn;
const version = 1001;
const firstRead = 1 << 20;
const largestPickle = 1 << 26;

/**
 * torch.save's form before 1.6: five pickles (magic number, version, system, description, storage keys), then each
 * storage as its element count in eight bytes and its elements.
 */
export async function openLegacyFile(source: ByteSource, unknown: UnknownObjects): Promise<TorchFile> {
  const met = new Set<string>();
  const storages = new Map<string, Storage>();
  const pickles = await readPickles(source, collecting(torchEnvironment(source.path, { unknown, met }), storages));
  const [, found, system, root, keys] = pickles.values;
  if (found !== version) throw malformed(source.path, `version ${String(found)}`, String(version));
  const bigEndian = system instanceof Map && system.get('little_endian') === false;
  const offsets = await locateAll(source, { start: pickles.end, keys: asKeys(source, keys!), storages, bigEndian });
  return { root: root!, met, bigEndian, locate: (storage) => offsets.get(storage.key) ?? missing(source, storage.key) };
}

/** Collects the storages that the description names: they say how long each one in the rest of the file is. */
function collecting(environment: Environment, storages: Map<string, Storage>): Environment {
  return {
    ...environment,
    persistent: (id) => {
      const storage = environment.persistent(id) as Storage;
      storages.set(storage.key, storage);
      return storage;
    },
  };
}

/** The end of the pickles is not known beforehand, so prefixes of the file are tried, each twice as long as the last. */
async function readPickles(
  source: ByteSource,
  environment: Environment,
): Promise<{ readonly values: readonly PickleValue[]; readonly end: number }> {
  for (let size = Math.min(source.size, firstRead); ; size = Math.min(source.size, size * 2)) {
    const found = parsePickles(await source.read(0, size), source.path, environment);
    if (found !== null) return found;
    if (size === source.size || size >= largestPickle) {
      throw malformed(source.path, 'a description that breaks off', 'a complete one');
    }
  }
}

function parsePickles(
  bytes: Uint8Array,
  who: string,
  environment: Environment,
): { readonly values: readonly PickleValue[]; readonly end: number } | null {
  const values: PickleValue[] = [];
  let end = 0;
  for (let index = 0; index < 5; index++) {
    const found = unpickle(bytes, environment, { start: end, who });
    if (found === null) return null;
    if (index === 0 && found.value !== magic) {
      throw new TesseraError({
        code: 'checkpoint-format-unknown',
        who,
        got: 'a pickle that torch.save did not write',
        expected: 'a PyTorch or safetensors file',
      });
    }
    values.push(found.value);
    end = found.end;
  }
  return { values, end };
}

function asKeys(source: ByteSource, value: PickleValue): readonly string[] {
  if (Array.isArray(value) && value.every((key) => typeof key === 'string')) return value;
  throw malformed(source.path, 'storage keys of another kind', 'a list of names');
}

interface Storages {
  readonly start: number;
  readonly keys: readonly string[];
  readonly storages: ReadonlyMap<string, Storage>;
  readonly bigEndian: boolean;
}

async function locateAll(
  source: ByteSource,
  { start, keys, storages, bigEndian }: Storages,
): Promise<ReadonlyMap<string, number>> {
  const offsets = new Map<string, number>();
  let at = start;
  for (const key of keys) {
    const storage = storages.get(key) ?? missing(source, key);
    const count = Number(new DataView((await source.read(at, 8)).buffer).getBigUint64(0, !bigEndian));
    if (count !== storage.elements) {
      throw new TesseraError({
        code: 'tensor-storage-short',
        who: source.path,
        got: `${count} elements for storage ${JSON.stringify(key)}`,
        expected: `${storage.elements}`,
      });
    }
    offsets.set(key, at + 8);
    at += 8 + byteLengthOf(storage);
    if (at > source.size) await source.read(at, 0); // says that the file is truncated
  }
  return offsets;
}

function missing(source: ByteSource, key: string): never {
  throw new TesseraError({
    code: 'tensor-storage-missing',
    who: source.path,
    got: `no bytes for storage ${JSON.stringify(key)}`,
    expected: 'the bytes of every tensor',
    next: 'Copy or download the file again.',
  });
}
