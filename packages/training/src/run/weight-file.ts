import { createHash } from 'node:crypto';
import { mkdir, readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { openCheckpoint, toFloat32 } from '@tessera/checkpoints';
import { buffersOf, writeWeights, type SavedTensor } from '@tessera/models';

/**
 * Writes tensors as float16: what ships, and what the next stage therefore trains on. Returns the file's SHA-256.
 * @throws TesseraError weights-not-finite, number-out-of-range for a weight that float16 does not hold
 */
export async function writeWeightFile(path: string, tensors: readonly SavedTensor[]): Promise<string> {
  await mkdir(dirname(path), { recursive: true });
  await writeWeights(path, tensors, { dtype: 'float16' });
  return hashFile(path);
}

/** The tensors of a weight file, to be written again. */
export async function readWeightFile(path: string): Promise<SavedTensor[]> {
  const file = await openCheckpoint(path);
  try {
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

/** SHA-256 of a file, in hexadecimal digits. */
export async function hashFile(path: string): Promise<string> {
  return createHash('sha256')
    .update(await readFile(path))
    .digest('hex');
}

/** SHA-256 of a value's JSON: equal recipes have equal fingerprints. */
export function fingerprint(...values: readonly unknown[]): string {
  return createHash('sha256').update(JSON.stringify(values)).digest('hex');
}
