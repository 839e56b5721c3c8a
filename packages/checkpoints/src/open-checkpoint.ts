import { TesseraError } from '@tessera/errors';
import { openByteSource, type ByteSource } from './byte-source.ts';
import type { Checkpoint } from './checkpoint.ts';
import { safetensorsCheckpoint } from './safetensors/safetensors-checkpoint.ts';
import { openLegacyFile } from './torch/legacy-file.ts';
import { torchCheckpoint } from './torch/torch-checkpoint.ts';
import { openZipFile } from './torch/zip-file.ts';

/**
 * Opens a weight file by its content, whatever its name: safetensors, PyTorch's zip form, or its older one. Only the
 * description is read; nothing in the file is executed.
 * @throws checkpoint-unreadable, checkpoint-empty, checkpoint-format-unknown, checkpoint-truncated, and the codes of
 * the formats
 */
export async function openCheckpoint(path: string): Promise<Checkpoint> {
  const source = await openByteSource(path);
  try {
    return await openSource(source);
  } catch (error) {
    await source.close();
    throw error;
  }
}

async function openSource(source: ByteSource): Promise<Checkpoint> {
  if (source.size === 0) {
    throw new TesseraError({
      code: 'checkpoint-empty',
      who: source.path,
      got: 'a file of 0 bytes',
      expected: 'a weight file',
      next: 'Copy or download it again.',
    });
  }
  const start = await source.read(0, Math.min(source.size, 9));
  const zip = start[0] === 0x50 && start[1] === 0x4b && start[2] === 3 && start[3] === 4;
  if (zip) return torchCheckpoint(source, await openZipFile(source), 'torch-zip');
  if (start[8] === 0x7b) return safetensorsCheckpoint(source);
  if (start[0] === 0x80) return torchCheckpoint(source, await openLegacyFile(source), 'torch-legacy');
  throw new TesseraError({
    code: 'checkpoint-format-unknown',
    who: source.path,
    got: 'a file of another kind',
    expected: 'a safetensors or PyTorch file',
  });
}
