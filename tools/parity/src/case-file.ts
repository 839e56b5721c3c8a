import { basename, dirname, join } from 'node:path';
import { type Checkpoint, openCheckpoint, type TensorEntry, toFloat32, toInt32, toNumbers } from '@tessera/checkpoints';
import { TesseraError } from '@tessera/errors';

export interface CaseTensor {
  readonly data: Float32Array | Float64Array | Int32Array;
  readonly shape: readonly number[];
}

/** A case file, read whole: what goes in, recorded randomness, and what must come out. */
export interface CaseFile {
  readonly name: string;
  readonly folder: string;
  /** Which runner takes it. */
  readonly kind: string;
  readonly metadata: ReadonlyMap<string, string>;
  readonly tensors: WatchedTensors;
}

/** Tensors that remember which of them were asked for, so that what no runner reads can be told. */
class WatchedTensors extends Map<string, CaseTensor> {
  readonly #read = new Set<string>();

  override get(name: string): CaseTensor | undefined {
    this.#read.add(name);
    return super.get(name);
  }

  unread(): string[] {
    return [...this.keys()].filter((name) => !this.#read.has(name));
  }
}

/** Opens a case file for its kind alone; `read` reads the tensors. */
export async function openCase(
  path: string,
): Promise<{ kind: string; read(): Promise<CaseFile>; close(): Promise<void> }> {
  const checkpoint = await openCheckpoint(path);
  const metadata = new Map([...checkpoint.values].map(([key, value]) => [key, String(value)]));
  const kind = metadata.get('kind');
  if (kind === undefined) {
    await checkpoint.close();
    throw new TesseraError({
      code: 'case-kind-missing',
      who: basename(path),
      got: 'no `kind` in its metadata',
      expected: 'a case file, whose metadata names its kind',
    });
  }
  return {
    kind,
    async read() {
      const tensors = new WatchedTensors();
      for (const entry of checkpoint.tensors.values()) tensors.set(entry.name, await readTensor(checkpoint, entry));
      return { name: basename(path), folder: dirname(path), kind, metadata, tensors };
    },
    close: () => checkpoint.close(),
  };
}

/** Every tensor of a weight file that a case names, by path relative to the case's folder; floats as float32. */
export async function readWeights(file: CaseFile, relative: string): Promise<Map<string, CaseTensor>> {
  const checkpoint = await openCheckpoint(join(file.folder, relative));
  try {
    const tensors = new Map<string, CaseTensor>();
    for (const entry of checkpoint.tensors.values()) tensors.set(entry.name, await readTensor(checkpoint, entry));
    return tensors;
  } finally {
    await checkpoint.close();
  }
}

/** Integers and masks become int32; float64 stays, since tables are compared in it. */
async function readTensor(checkpoint: Checkpoint, { name, dtype, shape }: TensorEntry): Promise<CaseTensor> {
  const bytes = await checkpoint.read(name);
  const of = { who: checkpoint.path, name };
  if (dtype === 'float64') return { data: toNumbers(bytes, dtype, of), shape };
  return { data: /int|bool/.test(dtype) ? toInt32(bytes, dtype, of) : toFloat32(bytes, dtype, of), shape };
}

/** The tensor, or an error that names the file. @throws TesseraError `case-tensor-missing` */
export function tensorOf(file: CaseFile, name: string): CaseTensor {
  const tensor = file.tensors.get(name);
  if (tensor) return tensor;
  throw new TesseraError({
    code: 'case-tensor-missing',
    who: file.name,
    got: `no tensor ${name}`,
    expected: `one, as every case of kind ${file.kind} has`,
  });
}

/** Tensors named `prefix.0`, `prefix.1` ... in order. */
export function seriesOf(file: CaseFile, prefix: string): CaseTensor[] {
  const series: CaseTensor[] = [];
  for (let tensor; (tensor = file.tensors.get(`${prefix}.${series.length}`)) !== undefined;) series.push(tensor);
  return series;
}

/** Names of tensors behind a prefix: `grad.`. */
export function namesAfter(file: CaseFile, prefix: string): string[] {
  return [...file.tensors.keys()].filter((name) => name.startsWith(prefix)).map((name) => name.slice(prefix.length));
}

/** Metadata that is JSON text. @throws TesseraError `case-metadata` */
export function metadataOf(file: CaseFile, key: string): unknown {
  const text = file.metadata.get(key);
  try {
    if (text !== undefined) return JSON.parse(text);
  } catch {
    // Reported below with the text itself.
  }
  throw new TesseraError({
    code: 'case-metadata',
    who: file.name,
    got: text === undefined ? `no metadata ${key}` : `metadata ${key} = ${text}`,
    expected: 'JSON text',
  });
}
