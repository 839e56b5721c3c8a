import { TesseraError } from '@tessera/errors';
import { folderTrouble } from '@tessera/models';

/**
 * Fails early, before any work, when a folder cannot be made or written; nothing stays behind.
 * @throws TesseraError `output-not-writable`
 */
export async function requireWritable(folder: string): Promise<void> {
  const trouble = await folderTrouble(folder);
  if (trouble === null) return;
  throw new TesseraError({
    code: 'output-not-writable',
    who: `--out ${folder}`,
    expected: 'a folder that can be made and written',
    next: 'Choose another folder.',
    ...trouble,
  });
}
