import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { openCheckpoint, type WritableTensor, writeSafetensors } from '@tessera/checkpoints';
import type { Engine } from '@tessera/engine';
import { TesseraError } from '@tessera/errors';
import type { ImageSource, Measured } from '@tessera/evaluation';
import { type FeatureNetwork, isThirdParty } from '@tessera/features';
import { cacheFolder } from '@tessera/node-kit';
import type { DataSet } from '@tessera/training';

/** Raise it where the same weights give other features than before, or images are chosen or ordered in another way. */
const VERSION = 1;
/** Bytes that are kept; the oldest files beyond them are removed. */
const MOST = 1e9;

interface Keeping {
  readonly engine: Pick<Engine, 'target'>;
  readonly network: FeatureNetwork;
  readonly data: DataSet;
  readonly split: 'train' | 'test';
  readonly seed: number;
  readonly images: ImageSource;
}

/**
 * What a network finds in images of a data set: from the user's cache, or measured and kept there. It is found again only
 * for the same pixels, labels, choice of images, weights, preparation and target. Networks of other packages are always
 * measured, since their code may change under the same weights. A damaged file is measured again.
 */
export async function keptMeasured(keeping: Keeping, measure: () => Promise<Measured>): Promise<Measured> {
  if (isThirdParty(keeping.network)) return measure();
  const madeOf = await ingredients(keeping);
  const folder = join(cacheFolder(), 'features', 'measured');
  const path = join(folder, `${sha256(madeOf).slice(0, 16)}.safetensors`);
  const kept = existsSync(path) ? await readMeasured(path, madeOf) : null;
  if (kept) return kept;
  const measured = await measure();
  await mkdir(folder, { recursive: true });
  const tensors = tensorsOf(measured);
  await writeSafetensors(path, tensors, { madeOf, sha256: digestOf(tensors) });
  await removeOldest(folder);
  return measured;
}

async function ingredients({ engine, network, data, split, seed, images }: Keeping): Promise<string> {
  const { name, sha256: weights, input, dims } = network;
  return JSON.stringify({
    version: VERSION,
    images: await data[split].digest(),
    labels: sha256(JSON.stringify([...data[split].label_N])),
    chosen: [split, seed, images.count],
    network: [name, weights, input, dims],
    target: engine.target,
  });
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

const FLOATS = { features: 'features_ND', probabilities: 'probabilities_NK', spatial: 'spatial_ND' } as const;
const INTS = { found: 'found_N', expected: 'expected_N' } as const;

function tensorsOf(measured: Measured): WritableTensor[] {
  const tensor = (name: string, dtype: 'float32' | 'int32', values: Float32Array | Int32Array | null) => {
    const { buffer, byteOffset, byteLength, length } = values ?? new Float32Array();
    const shape = [measured.count, length / measured.count];
    return values ? [{ name, dtype, shape, bytes: () => new Uint8Array(buffer, byteOffset, byteLength) }] : [];
  };
  return [
    ...Object.entries(FLOATS).flatMap(([name, field]) => tensor(name, 'float32', measured[field])),
    ...Object.entries(INTS).flatMap(([name, field]) => tensor(name, 'int32', measured[field])),
  ];
}

function digestOf(tensors: readonly WritableTensor[]): string {
  const hash = createHash('sha256');
  for (const { name, bytes } of tensors) hash.update(name).update(bytes() as Uint8Array);
  return hash.digest('hex');
}

/** Null for a file that is damaged, or made of something else. */
async function readMeasured(path: string, madeOf: string): Promise<Measured | null> {
  try {
    const file = await openCheckpoint(path);
    try {
      const bytes = async (name: string) => (file.tensors.has(name) ? (await file.read(name)).slice().buffer : null);
      const floats = async (name: string) => toArray(Float32Array, await bytes(name));
      const ints = async (name: string) => toArray(Int32Array, await bytes(name));
      const [count, dims] = file.tensors.get('features')?.shape ?? [0, 0];
      const features_ND = await floats('features');
      if (!features_ND) return null;
      const measured: Measured = {
        count: count!,
        dims: dims!,
        features_ND,
        probabilities_NK: await floats('probabilities'),
        spatial_ND: await floats('spatial'),
        found_N: await ints('found'),
        expected_N: await ints('expected'),
      };
      const { values } = file;
      const isSame = values.get('madeOf') === madeOf && values.get('sha256') === digestOf(tensorsOf(measured));
      return isSame ? measured : null;
    } finally {
      await file.close();
    }
  } catch (error) {
    if (error instanceof TesseraError) return null;
    throw error;
  }
}

function toArray<T>(type: new (buffer: ArrayBuffer) => T, buffer: ArrayBuffer | null): T | null {
  return buffer && new type(buffer);
}

async function removeOldest(folder: string): Promise<void> {
  const names = (await readdir(folder)).filter((name) => name.endsWith('.safetensors'));
  const files = await Promise.all(names.map(async (name) => ({ name, ...(await stat(join(folder, name))) })));
  let sum = 0;
  for (const { name, size } of files.sort((a, b) => b.mtimeMs - a.mtimeMs)) {
    sum += size;
    if (sum > MOST) await rm(join(folder, name), { force: true });
  }
}
