import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';

/** Why nothing can be written into a folder. */
export interface FolderTrouble {
  /** `a path that leads through a file` */
  readonly got: string;
  readonly cause?: unknown;
}

/**
 * Why a folder cannot be made or written, null where it can; nothing stays behind. Tries for real, since permissions do not
 * tell: root may write everywhere and still make no folder in /proc.
 */
export async function folderTrouble(folder: string): Promise<FolderTrouble | null> {
  for (let path = resolve(folder); ; path = dirname(path)) {
    const found = await stat(path).catch((error: NodeJS.ErrnoException) => error);
    if (found instanceof Error) {
      if (found.code === 'ENOENT' && dirname(path) !== path) continue; // it can be made if its parent can be written
      return { got: found.code === 'ENOTDIR' ? 'a path that leads through a file' : diskWords(found), cause: found };
    }
    if (!found.isDirectory()) return { got: `${path}, which is a file` };
    return tryToWrite(path);
  }
}

async function tryToWrite(folder: string): Promise<FolderTrouble | null> {
  const refused = (cause: unknown): FolderTrouble => ({
    got: `${folder}, in which nothing can be made (${diskWords(cause)})`,
    cause,
  });
  let trial: string;
  try {
    trial = await mkdtemp(join(folder, '.tessera-'));
  } catch (error) {
    return refused(error);
  }
  try {
    await writeFile(join(trial, 'trial'), new Uint8Array(4096), { flush: true });
    return null;
  } catch (error) {
    return refused(error);
  } finally {
    await rm(trial, { recursive: true, force: true });
  }
}

const words: Readonly<Record<string, string>> = {
  EACCES: 'no permission to write there',
  EPERM: 'no permission to write there',
  EROFS: 'the file system is read-only',
  ENOSPC: 'no room is left on the disk',
  EDQUOT: 'the quota is used up',
};

/** An error of a file system in words. */
export function diskWords(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  return (code !== undefined && words[code]) || message || String(error);
}
