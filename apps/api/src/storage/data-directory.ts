import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { isTesseraError, TesseraError } from '@tessera/errors';
import { diskWords, folderTrouble } from '@tessera/models';
import { takeLock, type LockOwner, type Unlock } from '@tessera/node-kit';

/**
 * Makes a data directory where there is none, and takes it for this process: two processes on one database would destroy it.
 * @throws TesseraError `data-directory-unusable`, `data-directory-in-use`
 */
export async function takeDataDirectory(directory: string): Promise<Unlock> {
  await makeDataDirectory(directory);
  try {
    return takeLock(join(directory, 'lock'), (owner) => inUse(directory, owner));
  } catch (error) {
    throw isTesseraError(error) ? error : unusable(directory, diskWords(error), error);
  }
}

/**
 * Makes a data directory where there is none: processes with a database elsewhere may share it.
 * @throws TesseraError `data-directory-unusable`
 */
export async function makeDataDirectory(directory: string): Promise<void> {
  const trouble = await folderTrouble(directory);
  if (trouble) throw unusable(directory, trouble.got, trouble.cause);
  try {
    mkdirSync(directory, { recursive: true });
  } catch (error) {
    throw unusable(directory, diskWords(error), error);
  }
}

function inUse(directory: string, owner: LockOwner | null): TesseraError {
  return new TesseraError({
    code: 'data-directory-in-use',
    who: 'api',
    got: `the data directory ${directory}, which process ${owner?.pid ?? '?'} on ${owner?.host ?? '?'} uses`,
    expected: 'a separate directory for each server',
    next: `Stop that server, set TESSERA_DATA to another directory, or delete ${join(directory, 'lock')} if it no longer runs.`,
  });
}

function unusable(directory: string, got: string, cause?: unknown): TesseraError {
  return new TesseraError({
    code: 'data-directory-unusable',
    who: 'api',
    got: `the data directory ${directory}: ${got}`,
    expected: 'a folder that can be made and written',
    next: 'Set TESSERA_DATA to another folder, or free space and give write permission in this one.',
    ...(cause !== undefined && { cause }),
  });
}
