import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { openCheckpoint, toFloat32 } from '@tessera/checkpoints';
import { buffersOf, refuseInt8, readManifest, type SavedTensor, writeWeights } from '@tessera/models';

/** Trained weights on disk. */
export interface WeightFile {
  readonly path: string;
  readonly sha256: string;
}

/**
 * Writes tensors as float16, the type in which models ship. The next stage builds on the rounded weights.
 * @throws TesseraError weights-not-finite, number-out-of-range for a weight that float16 cannot hold
 */
export async function writeWeightFile(path: string, tensors: readonly SavedTensor[]): Promise<WeightFile> {
  await mkdir(dirname(path), { recursive: true });
  await writeWeights(path, tensors, { dtype: 'float16' });
  const hash = createHash('sha256').update(await readFile(path));
  return { path, sha256: hash.digest('hex') };
}

/** Reads the tensors of a weight file into memory. */
export async function readWeightFile(path: string): Promise<SavedTensor[]> {
  const file = await openCheckpoint(path);
  try {
    refuseInt8(file);
    const buffers = buffersOf(file);
    const tensors: SavedTensor[] = [];
    for (const { name, shape, dtype } of file.tensors.values()) {
      const values = toFloat32(await file.read(name), dtype, { who: path, name });
      tensors.push({ name, shape, buffer: buffers.has(name), values: () => values });
    }
    return tensors;
  } finally {
    await file.close();
  }
}

/** SHA-256 of the JSON of some values: equal recipes have equal fingerprints. */
export function fingerprint(...values: readonly unknown[]): string {
  return createHash('sha256').update(JSON.stringify(values)).digest('hex');
}

/** A file that `writeSafetensors` was writing when its process was killed. */
const DRAFT = /\.safetensors\.\d+\.tmp$/;

/** Removes the half-written weight files of an earlier run of this folder that was killed. */
export async function removeDrafts(folder: string): Promise<void> {
  const names = await readdir(folder).catch(() => []);
  for (const name of names) if (DRAFT.test(name)) await rm(join(folder, name), { force: true });
}

/**
 * Writes a model into its folder. If that changes the weights, the old card is removed, because its figures and pictures
 * are those of the earlier model.
 */
export async function withoutStaleCard(folder: string, write: () => Promise<void>): Promise<void> {
  const before = await weightHashes(folder);
  await write();
  if (before === null || before === (await weightHashes(folder))) return;
  for (const name of ['README.md', 'images']) await rm(join(folder, name), { recursive: true, force: true });
}

async function weightHashes(folder: string): Promise<string | null> {
  if (!existsSync(join(folder, 'model.json'))) return null;
  const { tokenizer, backbone, head } = await readManifest(folder);
  return JSON.stringify([tokenizer, backbone, head].map(({ weights }) => weights?.sha256));
}
