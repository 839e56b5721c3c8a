import { constants } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { TesseraError } from '@tessera/errors';

/**
 * Fails early, before any work, when a folder cannot be made or written. Makes nothing itself.
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
    await access(path, constants.W_OK | constants.X_OK).catch((error: unknown) => {
      throw refused(folder, `${path}, which this user may not write`, error);
    });
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
