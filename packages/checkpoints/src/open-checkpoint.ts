import { TesseraError } from '@tessera/errors';
import { openByteSource, type ByteSource } from './byte-source.ts';
import type { Checkpoint } from './checkpoint.ts';
import { notWeights } from './not-weights.ts';
import { safetensorsCheckpoint } from './safetensors/safetensors-checkpoint.ts';
import type { UnknownObjects } from './torch/environment.ts';
import { openLegacyFile } from './torch/legacy-file.ts';
import { torchCheckpoint } from './torch/torch-checkpoint.ts';
import { openZipFile } from './torch/zip-file.ts';

export interface OpenOptions {
  /**
   * Objects of a pickle whose classes are not on the allow-list: `refuse` (the default) the file, or `skip` them:
   * `leftOut` names them, and tensors inside of them are read. Either way nothing is executed.
   */
  readonly unknown?: UnknownObjects;
}

/**
 * Opens a weight file by its content, whatever its name: safetensors, PyTorch's zip form, or its older one. Only the
 * description is read; nothing in the file is executed.
 * @throws checkpoint-unreadable, checkpoint-empty, checkpoint-format-unknown, checkpoint-truncated, and the codes of
 * the formats
 */
export async function openCheckpoint(path: string, { unknown = 'refuse' }: OpenOptions = {}): Promise<Checkpoint> {
  const source = await openByteSource(path);
  try {
    return await openSource(source, unknown);
  } catch (error) {
    await source.close();
    throw error;
  }
}

/**
 * Refuses what stands in the place of weights: an empty file, a pointer of Git LFS, a web page, another text.
 * @throws checkpoint-unreadable, checkpoint-empty, checkpoint-format-unknown
 */
export async function checkWeightFile(path: string): Promise<void> {
  const source = await openByteSource(path);
  try {
    await checkKind(source);
  } finally {
    await source.close();
  }
}

async function openSource(source: ByteSource, unknown: UnknownObjects): Promise<Checkpoint> {
  const start = await checkKind(source);
  const zip = start[0] === 0x50 && start[1] === 0x4b && start[2] === 3 && start[3] === 4;
  if (zip) return torchCheckpoint(source, await openZipFile(source, unknown), 'torch-zip');
  if (start[8] === 0x7b) return safetensorsCheckpoint(source);
  if (start[0] === 0x80) return torchCheckpoint(source, await openLegacyFile(source, unknown), 'torch-legacy');
  throw new TesseraError({
    code: 'checkpoint-format-unknown',
    who: source.path,
    got: 'a file of another kind',
    expected: 'a safetensors or PyTorch file',
  });
}

/** The first bytes of a file that may be one of weights. */
async function checkKind(source: ByteSource): Promise<Uint8Array> {
  if (source.size === 0) {
    throw new TesseraError({
      code: 'checkpoint-empty',
      who: source.path,
      got: 'a file of 0 bytes',
      expected: 'a weight file',
      next: 'Copy or download it again.',
    });
  }
  const start = await source.read(0, Math.min(source.size, 512));
  const found = notWeights(start, source.size);
  if (found === null) return start;
  const expected = 'a safetensors or PyTorch file';
  throw new TesseraError({ code: 'checkpoint-format-unknown', who: source.path, expected, ...found });
}
