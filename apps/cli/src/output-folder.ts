import { mkdtemp, rmdir, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { TesseraError } from '@tessera/errors';

/**
 * Fails early, before any work, when a folder cannot be made or written; nothing stays behind. Tries for real, since
 * permissions do not tell: root may write everywhere and still make no folder in /proc.
 * @throws TesseraError `output-not-writable`
 */
export async function requireWritable(folder: string): Promise<void> {
  for (let path = resolve(folder); ; path = dirname(path)) {
    const found = await stat(path).catch((error: NodeJS.ErrnoException) => error);
    if (found instanceof Error) {
      if (found.code === 'ENOENT' && dirname(path) !== path) continue; // it can be made if its parent can be written
      throw refused(folder, found.code === 'ENOTDIR' ? 'a path that leads through a file' : found.message, found);
    }
    if (!found.isDirectory()) throw refused(folder, `${path}, which is a file`);
    const trial = await mkdtemp(join(path, '.tessera-')).catch((error: unknown) => {
      throw refused(folder, `${path}, in which nothing can be made`, error);
    });
    await rmdir(trial);
    return;
  }
}

function refused(folder: string, got: string, cause?: unknown): TesseraError {
  return new TesseraError({
    code: 'output-not-writable',
    who: `--out ${folder}`,
    got,
    expected: 'a folder that can be made and written',
    next: 'Choose another folder.',
    cause,
  });
}
